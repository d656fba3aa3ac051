/** Numbers as the window shows them: three digits, a unit, and the same width in a column. */

const siPrefixes = ["", "k", "M", "G", "T", "P"] as const;

function threeDigits(value: number): string {
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  return magnitude >= 100 ? value.toFixed(0) : magnitude >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** 4123456789 -> "4.12 G". Exact below 1000. */
export function si(value: number, unit = ""): string {
  let scaled = value;
  let index = 0;
  while (Math.abs(scaled) >= 999.5 && index < siPrefixes.length - 1) {
    scaled /= 1000;
    index++;
  }
  const digits = index === 0 && Number.isInteger(value) ? String(value) : threeDigits(scaled);
  return `${digits} ${siPrefixes[index]}${unit}`.trimEnd();
}

/** 7549747 -> "7.20 MiB" */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"] as const;
  let scaled = value;
  let index = 0;
  while (Math.abs(scaled) >= 1023.5 && index < units.length - 1) {
    scaled /= 1024;
    index++;
  }
  return `${index === 0 ? String(Math.round(scaled)) : threeDigits(scaled)} ${units[index]}`;
}

export const flops = (value: number): string => si(value, "FLOP");

/** Of a whole graph: what is at least done where some shapes are known only at run time, and "—" where none is known. */
export const costFlops = (cost: { readonly flops: number; readonly flopsUnknown: number }): string =>
  cost.flopsUnknown === 0 ? flops(cost.flops) : cost.flops === 0 ? "—" : `≥ ${flops(cost.flops)}`;

/** With thousands set apart by a thin space: 12 345. */
export const count = (value: number): string => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, "\u2009");

/** "−12" with a real minus sign, "+3", "0". */
export function signed(value: number, format: (value: number) => string = count): string {
  if (value === 0) return "0";
  return (value < 0 ? "−" : "+") + format(Math.abs(value));
}

/** A measured or computed value: 5 significant digits, exponent where needed. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  if (Number.isInteger(value) && magnitude < 1e6) return String(value).replace("-", "−");
  const text = magnitude < 1e-3 || magnitude >= 1e6 ? value.toExponential(3).replace("e+", "e") : String(Number(value.toPrecision(5)));
  return text.replaceAll("-", "−");
}

/** An error bound of two digits: "2.4e−7", "0.12", "29". */
export function error(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return number(value);
  if (value >= 0.01 && value < 9.5e4) return String(Number(value.toPrecision(2)));
  return value.toExponential(1).replace("e-", "e−").replace("e+", "e");
}

export function milliseconds(value: number): string {
  if (value < 1) return `${value.toFixed(2)} ms`;
  if (value < 1000) return `${threeDigits(value)} ms`;
  return `${threeDigits(value / 1000)} s`;
}

export const percent = (fraction: number): string => `${Math.floor(fraction * 100)} %`;

export const shortError = (reason: unknown): string => (reason instanceof Error ? reason.message : String(reason));

/** Exporters call the only output of "/a/Conv" "/a/Conv_output_0": the ending says nothing in a list. */
export const withoutOutputSuffix = (name: string): string => name.replace(/_output_0$/, "");

const spans: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000]];

/** "3 minutes ago", in a language's words. */
export function ago(time: number, language: string, now = Date.now()): string {
  const words = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const past = Math.max(0, now - time);
  const [unit, size] = spans.find(([, span]) => past >= span) ?? ["second", 1000];
  return words.format(-Math.floor(past / size), unit);
}
