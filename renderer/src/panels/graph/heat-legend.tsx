import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { bytes, flops } from "../../design/format.ts";
import type { HeatKind } from "../../state/metrics.ts";

const show: Readonly<Record<HeatKind, (value: number) => string>> = {
  flops,
  bytes,
  time: (value) => (value >= 1 ? `${value.toPrecision(3)} s` : value >= 1e-3 ? `${(value * 1e3).toPrecision(3)} ms` : `${(value * 1e6).toPrecision(3)} µs`),
  error: (value) => value.toExponential(1),
};

/** What the colours mean: the scale goes with the square root, so that small parts are told apart too. */
export function HeatLegend({ kind, hottest }: { readonly kind: HeatKind; readonly hottest: number }): ReactNode {
  const { t } = useTranslation();
  return (
    <figure className="heat-legend" data-testid="heat-legend" data-kind={kind}>
      <figcaption>{t(`graph.heat-${kind}`)}</figcaption>
      <span className="heat-scale" aria-hidden />
      <span className="heat-ends num"><span>0</span><span>{show[kind](hottest / 4)}</span><span>{show[kind](hottest)}</span></span>
    </figure>
  );
}
