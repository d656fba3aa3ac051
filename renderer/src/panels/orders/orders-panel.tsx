/** Experiments with the order of passes: several orders from one step, their results side by side. */
import type { CostView, OrderSpec, OrdersView } from "@graphwright/compiler-core";
import { ArrowLeftRight, FlaskConical, Plus, X } from "lucide-react";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button, IconButton } from "../../design/button.tsx";
import { CheckMark } from "../../design/check-mark.tsx";
import * as format from "../../design/format.ts";
import { Name } from "../../design/name.tsx";
import { SelectBox } from "../../design/select-box.tsx";
import { Empty } from "../../design/states.tsx";
import * as act from "../../state/actions.ts";
import { flat, type Plan } from "../../state/plan.ts";
import { positionOf } from "../../state/steps.ts";
import { useStore, type ModelState } from "../../state/store.ts";
import type { Panel, PanelProps } from "../panel.ts";
import "./orders.css";

interface Choice extends OrderSpec {
  readonly hint: string;
}

const metrics = ["nodes", "flops", "weightBytes", "peakBytes"] as const satisfies readonly (keyof CostView)[];
const show: Readonly<Record<(typeof metrics)[number], (value: number) => string>> = { nodes: format.count, flops: format.flops, weightBytes: format.bytes, peakBytes: format.bytes };

function OrdersPanel({ model }: PanelProps): ReactNode {
  const { t } = useTranslation();
  const catalog = useStore((state) => state.catalog);
  const [added, setAdded] = useState<readonly Choice[]>([]);
  const [chosen, setChosen] = useState<readonly string[]>(["default", "teaching"]);
  const [from, setFrom] = useState<"imported" | "shown">("imported");
  const [verify, setVerify] = useState(true);
  const titleOf = (pass: string): string => catalog?.passes.find((each) => each.name === pass)?.title ?? catalog?.rewrites.find((each) => each.name === pass)?.title ?? pass;
  const { chosen: plan } = act.currentPlan(model);
  const hintOf = (each: Plan): string => flat(each).map(titleOf).join(" → ");
  const choices: readonly (Choice & { readonly key: string })[] = [
    ...(catalog?.pipelines ?? []).map((each) => ({ key: each.name, name: each.title, pipeline: each.name, hint: each.passes.map(titleOf).join(" → ") })),
    { key: "reversed", name: t("orders.reversed"), passes: plan.passes.toReversed(), finally: plan.finally, hint: hintOf({ ...plan, passes: plan.passes.toReversed() }) },
    ...added.map((each, index) => ({ ...each, key: `plan-${index}` })),
  ];
  const toggle = (key: string): void => setChosen(chosen.includes(key) ? chosen.filter((other) => other !== key) : [...chosen, key]);
  const addPlan = (): void => {
    const name = t("orders.plan-name", { number: added.length + 1 });
    setChosen([...chosen, `plan-${added.length}`]);
    setAdded([...added, { name, passes: plan.passes, finally: plan.finally, skip: model.skipped.filter((each) => each.includes("@")), hint: hintOf(plan) }]);
  };
  const specs = choices.filter((each) => chosen.includes(each.key)).map(({ key: _key, hint: _hint, ...spec }): OrderSpec => spec);
  const step = from === "imported" ? model.timeline.branch[0]! : model.b;
  return (
    <div className="orders" data-testid="orders-panel">
      <form
        className="orders-form"
        onSubmit={(event) => {
          event.preventDefault();
          void act.compareOrders(model.id, step, specs, verify);
        }}
      >
        <fieldset>
          <legend className="list-title">{t("orders.title")}</legend>
          {choices.map((each) => (
            <div key={each.key} className="order-choice">
              <label className="check-line" title={each.hint}>
                <input type="checkbox" checked={chosen.includes(each.key)} onChange={() => toggle(each.key)} data-testid="order-choice" data-order={each.key} />
                {each.name}
              </label>
              {each.key.startsWith("plan-") && each.key === `plan-${added.length - 1}` && (
                <IconButton label={t("orders.remove", { name: each.name })} className="small" onClick={() => { setAdded(added.slice(0, -1)); setChosen(chosen.filter((key) => key !== each.key)); }}>
                  <X size={12} />
                </IconButton>
              )}
            </div>
          ))}
          <button type="button" className="link-button" onClick={addPlan} title={hintOf(plan)} data-testid="add-order"><Plus size={12} aria-hidden /> {t("orders.add-plan")}</button>
        </fieldset>
        <div className="orders-run">
          <SelectBox
            small
            label={t("orders.from")}
            value={from}
            options={[{ value: "imported", label: t("orders.from-imported") }, { value: "shown", label: t("orders.from-shown", { step: positionOf(model.timeline, model.b) }) }]}
            onChange={(value) => setFrom(value as typeof from)}
          />
          <label className="check-line"><input type="checkbox" checked={verify} onChange={(event) => setVerify(event.target.checked)} />{t("orders.verify")}</label>
          <Button small variant="primary" type="submit" disabled={specs.length < 2 || model.changing !== null} title={specs.length < 2 ? t("orders.two") : undefined} data-testid="run-orders">{t("orders.run")}</Button>
        </div>
      </form>
      <div className="scroll">
        {model.orders ? <Results model={model} view={model.orders.view} /> : <Empty icon={FlaskConical} title={t("orders.empty-title")}>{t("orders.empty")}</Empty>}
      </div>
    </div>
  );
}

function Results({ model, view }: { readonly model: ModelState; readonly view: OrdersView }): ReactNode {
  const { t } = useTranslation();
  const catalog = useStore((state) => state.catalog);
  const { orders, differences, checks } = view;
  const names = [...new Set(orders.flatMap((order) => order.rewrites.map(([name]) => name)))];
  const countOf = (order: (typeof orders)[number], name: string): number => order.rewrites.find(([each]) => each === name)?.[1] ?? 0;
  const sameRewrites = (name: string): boolean => new Set(orders.map((order) => countOf(order, name))).size === 1;
  return (
    <table className="orders-table" data-testid="orders-result">
      <thead>
        <tr>
          <th scope="col">{t("orders.metric")}</th>
          {orders.map((order, index) => (
            <th key={order.step} scope="col" data-testid="order-column">
              <Name>{order.name}</Name>
              <span className="button-row">
                <Button small disabled={model.b === order.step} onClick={() => act.goTo(model.id, order.step)} data-testid="show-order">{t("orders.show")}</Button>
                {index > 0 && (
                  <IconButton label={t("orders.compare-hint", { name: orders[0]!.name })} className="small" onClick={() => { act.goTo(model.id, order.step); act.compareWith(model.id, orders[0]!.step); }} data-testid="compare-order">
                    <ArrowLeftRight size={12} />
                  </IconButton>
                )}
              </span>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {metrics.map((metric) => {
          const values = orders.map((order) => order.cost[metric]);
          const known = values.filter((value) => value !== undefined);
          const best = new Set(known).size > 1 ? Math.min(...known) : undefined;
          return (
            <tr key={metric}>
              <th scope="row">{t(`cost.${metric}`)}</th>
              {values.map((value, index) => (
                <td key={index} className={`num ${value !== undefined && value === best ? "best" : ""}`}>
                  {value === best && best !== undefined && <span className="tag">{t("orders.best")}</span>} {value === undefined ? "—" : show[metric](value)}
                </td>
              ))}
            </tr>
          );
        })}
        <tr>
          <th scope="row">{t("orders.applied")}</th>
          {orders.map((order) => <td key={order.step} className="num">{format.count(order.applied)}</td>)}
        </tr>
        {checks.length > 0 && (
          <tr>
            <th scope="row">{t("orders.check")}</th>
            {orders.map((order, index) => <td key={order.step}>{index === 0 ? <span className="faint">—</span> : <CheckMark check={checks[index - 1]!} short />}</td>)}
          </tr>
        )}
        <tr><th className="list-title" colSpan={orders.length + 1} scope="rowgroup">{differences.length === 0 ? t("orders.same") : t("orders.operators")}</th></tr>
        {differences.map(({ op, counts }) => (
          <tr key={op}>
            <th scope="row">{op === "graphwright.Fused" ? t("inspector.kind-fused") : op}</th>
            {counts.map((count, index) => <td key={index} className="num">{count}</td>)}
          </tr>
        ))}
        <tr><th className="list-title" colSpan={orders.length + 1} scope="rowgroup">{t("orders.rewrites")}</th></tr>
        {names.map((name) => (
          <tr key={name} className={sameRewrites(name) ? "same" : ""}>
            <th scope="row" title={name}>{catalog?.rewrites.find((each) => each.name === name)?.title ?? name}</th>
            {orders.map((order) => <td key={order.step} className="num">{countOf(order, name) || <span className="faint">·</span>}</td>)}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export const ordersPanel = { id: "orders", area: "lower", icon: FlaskConical, component: OrdersPanel } as const satisfies Panel;
