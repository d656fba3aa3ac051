import { Check, ChevronDown } from "lucide-react";
import { Select } from "radix-ui";
import type { ReactNode } from "react";

interface SelectBoxProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly { readonly value: string; readonly label: string; readonly hint?: string }[];
  readonly onChange: (value: string) => void;
  readonly testId?: string;
  readonly small?: boolean;
  readonly placeholder?: string;
}

export function SelectBox({ label, value, options, onChange, testId, small = false, placeholder = "—" }: SelectBoxProps): ReactNode {
  return (
    <Select.Root value={value} onValueChange={onChange} disabled={options.length === 0}>
      <Select.Trigger className={`select ${small ? "select-small" : ""}`} aria-label={label} data-testid={testId}>
        <span className="select-value">
          <Select.Value placeholder={placeholder} />
        </span>
        <Select.Icon>
          <ChevronDown size={13} aria-hidden />
        </Select.Icon>
      </Select.Trigger>
      <Select.Portal>
        <Select.Content className="menu-content select-content" position="popper" sideOffset={4} collisionPadding={8}>
          <Select.Viewport>
            {options.map((option) => (
              <Select.Item key={option.value} value={option.value} className="menu-item select-item">
                <Select.ItemIndicator className="menu-check">
                  <Check size={13} aria-hidden />
                </Select.ItemIndicator>
                <span>
                  <Select.ItemText>{option.label}</Select.ItemText>
                  {option.hint && <span className="select-hint">{option.hint}</span>}
                </span>
              </Select.Item>
            ))}
          </Select.Viewport>
        </Select.Content>
      </Select.Portal>
    </Select.Root>
  );
}
