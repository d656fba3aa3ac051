import { Tooltip } from "radix-ui";
import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly variant?: "primary" | "secondary" | "quiet" | "danger";
  readonly small?: boolean;
  readonly ref?: Ref<HTMLButtonElement>;
}

export function Button({ variant = "secondary", small = false, className = "", ...rest }: ButtonProps): ReactNode {
  return <button type="button" className={`button button-${variant} ${small ? "button-small" : ""} ${className}`} {...rest} />;
}

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** name for screen readers and tooltip */
  readonly label: string;
  readonly keys?: string | undefined;
  readonly pressed?: boolean;
  readonly ref?: Ref<HTMLButtonElement>;
}

export function IconButton({ label, keys, pressed, className = "", ...rest }: IconButtonProps): ReactNode {
  return (
    <Tip text={label} keys={keys}>
      <button type="button" className={`icon-button ${className}`} aria-label={label} aria-pressed={pressed} {...rest} />
    </Tip>
  );
}

export function Tip({ text, keys, children }: { readonly text: ReactNode; readonly keys?: string | undefined; readonly children: ReactNode }): ReactNode {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content className="tooltip" sideOffset={6} collisionPadding={8}>
          {text}
          {keys && <kbd>{keys}</kbd>}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
