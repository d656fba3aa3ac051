const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The text of UTF-8 bytes, or undefined when they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * The text of bytes that should be UTF-8. Bytes that are not become lone surrogates U+DC80 to U+DCFF (as Python's
 * "surrogateescape", PEP 383), so that `encodeText` gives the same bytes back.
 */
export function decodeText(bytes: Uint8Array): string {
  const whole = decodeUtf8(bytes);
  if (whole !== undefined) return whole;
  let text = "";
  for (let i = 0; i < bytes.length; ) {
    const first = bytes[i] as number;
    const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    const piece = decodeUtf8(bytes.subarray(i, i + length));
    if (piece !== undefined && i + length <= bytes.length) {
      text += piece;
      i += length;
    } else {
      text += String.fromCharCode(0xdc00 + first);
      i++;
    }
  }
  return text;
}

/** UTF-8 bytes of a text; undoes `decodeText`. */
export function encodeText(text: string): Uint8Array<ArrayBuffer> {
  if (!/[\udc80-\udcff]/u.test(text)) return encoder.encode(text);
  const parts: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    if (code >= 0xdc80 && code <= 0xdcff) parts.push(code - 0xdc00);
    else parts.push(...encoder.encode(character));
  }
  return Uint8Array.from(parts);
}
