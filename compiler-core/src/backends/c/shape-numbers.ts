/** A number in a kernel's text that comes from the shape of a layer. */
export interface ShapeNumber {
  /** how often a loop runs; what one iteration moves in a buffer; how far an element lies from the others, in elements; a number with a name of its own */
  readonly role: "count" | "stride" | "distance" | "size";
  /** which buffer it is a stride or a distance in; "" for others */
  readonly buffer: string;
  /** whose iterations it counts, or moves by; the name of a size; "" for a distance */
  readonly loop: string;
  readonly value: number;
  /** as a number it needs the type of an index said */
  readonly wide: boolean;
}

const [open, close, parameters] = ["\ue000", "\ue001", "\ue002"];

/** What the printer writes in place of such a number, and where parameters for them would stand. */
export const mark = {
  number: ({ role, buffer, loop, value, wide }: ShapeNumber): string => `${open}${role},${buffer},${loop},${value}${wide ? ",wide" : ""}${close}`,
  parameters,
};

const numberMark = /\ue000(\w+),(\w*),(\w*),(\d+)(,wide)?\ue001/g;

/** The text with its numbers, and its form: one mark for each number. */
export function unmarked(marked: string): { readonly text: string; readonly form: string; readonly numbers: readonly ShapeNumber[] } {
  const numbers: ShapeNumber[] = [];
  const form = marked.replace(numberMark, (_, role: ShapeNumber["role"], buffer: string, loop: string, value: string, wide?: string) => {
    numbers.push({ role, buffer, loop, value: Number(value), wide: wide !== undefined });
    return open;
  });
  return { text: filled(form, numbers.map(literal), ""), form, numbers };
}

export const literal = ({ value, wide }: Pick<ShapeNumber, "value" | "wide">): string => `${wide ? "(ptrdiff_t)" : ""}${value}`;

/** The form with its marks as the printer wrote them. */
export const marked = ({ form, numbers }: { readonly form: string; readonly numbers: readonly ShapeNumber[] }): string => filled(form, numbers.map(mark.number), parameters);

export const withoutMarks = (text: string): string => text.replaceAll(numberMark, "0").replaceAll(parameters, "");

/** The form with texts for its numbers, and further parameters. */
export function filled(form: string, texts: readonly string[], more: string): string {
  let at = 0;
  return form.replace(/[\ue000\ue002]/g, (c) => (c === parameters ? more : texts[at++]!));
}

/** The lines of a form, numbers counted on the way. */
export const marksIn = (line: string): number => line.split(open).length - 1;
