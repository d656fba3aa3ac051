/** Whether a key is being held, which repeats it: what would follow each step waits until the key is let go. */

/** A key that stops repeating without being let go, as when a system takes the focus, is let go after so many milliseconds. */
const silence = 700;

let held = false;
let timer: ReturnType<typeof setTimeout> | undefined;
const waiting = new Set<() => void>();

function release(): void {
  clearTimeout(timer);
  held = false;
  for (const each of [...waiting]) each();
  waiting.clear();
}

/** Listens as long as the window lives. */
export function watchHeldKeys(target: Window = window): () => void {
  const down = (event: KeyboardEvent): void => {
    if (!event.repeat) return;
    held = true;
    clearTimeout(timer);
    timer = setTimeout(release, silence);
  };
  target.addEventListener("keydown", down, true);
  target.addEventListener("keyup", release, true);
  target.addEventListener("blur", release);
  return () => {
    target.removeEventListener("keydown", down, true);
    target.removeEventListener("keyup", release, true);
    target.removeEventListener("blur", release);
    release();
  };
}

export const isHeld = (): boolean => held;

/** Calls once no key is held: at once if none is. Gives a function that calls it off. */
export function whenReleased(then: () => void): () => void {
  if (!held) {
    then();
    return () => undefined;
  }
  waiting.add(then);
  return () => waiting.delete(then);
}
