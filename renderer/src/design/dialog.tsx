import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

interface DialogProps {
  readonly title: string;
  readonly description?: string;
  readonly wide?: boolean;
  /** nothing but text to read */
  readonly reading?: boolean;
  /** closing is not possible while something runs that must be cancelled first */
  readonly locked?: boolean;
  /** may keep Escape for a control inside, with preventDefault */
  readonly onEscape?: (event: KeyboardEvent) => void;
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly footer?: ReactNode;
  readonly testId: string;
}

export function Dialog({ title, description, wide = false, reading = false, locked = false, onEscape, onClose, children, footer, testId }: DialogProps): ReactNode {
  const { t } = useTranslation();
  return (
    <Radix.Root open onOpenChange={(open) => !open && !locked && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="overlay" />
        <Radix.Content className={`dialog ${wide ? "dialog-wide" : ""}`} data-testid={testId} {...(onEscape ? { onEscapeKeyDown: onEscape } : {})} {...(description ? {} : { "aria-describedby": undefined })}>
          <header className="dialog-head">
            <Radix.Title className="dialog-title">{title}</Radix.Title>
            {description && <Radix.Description className="dialog-description">{description}</Radix.Description>}
            <Radix.Close className="icon-button dialog-close" aria-label={t("dialog.close")} disabled={locked}>
              <X size={15} aria-hidden />
            </Radix.Close>
          </header>
          {/* A long text without controls can be scrolled by keys only when it takes the focus. */}
          <div className="dialog-body" {...(reading ? { tabIndex: 0, role: "group", "aria-label": title } : {})}>{children}</div>
          {footer && <footer className="dialog-foot">{footer}</footer>}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
