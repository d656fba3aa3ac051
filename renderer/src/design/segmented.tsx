import { ToggleGroup } from "radix-ui";
import type { ReactNode } from "react";

interface SegmentedProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly label: string; readonly hint?: string; readonly icon?: ReactNode }[];
  readonly onChange: (value: T) => void;
  readonly testId?: string;
}

/** One of a few choices, all visible. `icon` stands for the label where there is no room. */
export function Segmented<T extends string>({ label, value, options, onChange, testId }: SegmentedProps<T>): ReactNode {
  return (
    <ToggleGroup.Root type="single" className="segmented" value={value} aria-label={label} onValueChange={(next) => next && onChange(next as T)} data-testid={testId}>
      {options.map((option) => (
        <ToggleGroup.Item key={option.value} value={option.value} className="segment" title={option.hint}>
          {option.icon && <span className="segment-icon" aria-hidden>{option.icon}</span>}
          <span className="segment-label">{option.label}</span>
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  );
}
