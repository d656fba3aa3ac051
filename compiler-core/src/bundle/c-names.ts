/** `<m>`: a C identifier made from the model's name. */
export function cIdentifier(name: string): string {
  const stem = name.replace(/\.(onnx|graphwright)$/i, "").replace(/[^A-Za-z0-9]+/g, "_").replace(/^_+|_+$/g, "").toLowerCase();
  if (stem === "") return "model";
  const id = /^[0-9]/.test(stem) ? `m_${stem}` : stem;
  return keywords.has(id) ? `${id}_model` : id;
}

const keywords = new Set(
  "auto break case char const continue default do double else enum extern float for goto if inline int long register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while main".split(" "),
);

/** What stands beside sizes in the generated code, words of C23 and C++ (who includes the header may be either), and macros of standard headers. */
const besideSizes = new Set(
  (
    "context dims i bits element_bits input_infos output_infos READY sizes " +
    "alignas alignof bool constexpr false nullptr static_assert thread_local true typeof typeof_unqual and and_eq asm bitand bitor catch char8_t class compl concept const_cast consteval constinit co_await co_return co_yield decltype delete dynamic_cast " +
    "explicit export friend mutable namespace new noexcept not not_eq operator or or_eq private protected public reinterpret_cast requires static_cast template this throw try typeid typename using virtual wchar_t xor xor_eq " +
    "NULL EOF NAN INFINITY HUGE_VAL HUGE_VALF HUGE_VALL MATH_ERRNO MATH_ERREXCEPT BUFSIZ RAND_MAX MB_CUR_MAX EXIT_SUCCESS EXIT_FAILURE assert errno stdin stdout stderr offsetof linux unix"
  ).split(" "),
);

/** A C identifier for a size of the run, as it is written in the model where that is one. */
export function sizeIdentifier(name: string): string {
  const stem = name.replace(/[^A-Za-z0-9]+/g, "_").replace(/^_+|_+$/g, "");
  const id = /^[A-Za-z]/.test(stem) ? stem : `size_${stem}`;
  return keywords.has(id) || besideSizes.has(id) || /^(gw_.*|.*_t|(FP|M)_[A-Z0-9_]+|U?INT[A-Z0-9_]*|SIZE_MAX|PTRDIFF_.*|FLT_.*|DBL_.*)$/.test(id) ? `${id}_size` : id;
}

/** Text inside a C comment: it must not end the comment. */
export const commentText = (text: string): string => text.replace(/\*\//g, "* /").replace(/\/\*/g, "/ *").replace(/[\r\n\\?]/g, " ");

/** A C string literal. */
export const stringLiteral = (text: string): string =>
  `"${[...new TextEncoder().encode(text)].map((b) => (b === 34 || b === 92 ? `\\${String.fromCharCode(b)}` : b >= 32 && b < 127 && b !== 63 ? String.fromCharCode(b) : `\\${b.toString(8).padStart(3, "0")}`)).join("")}"`;
