import type { Tensor } from "../ir/tensor.ts";
import type { ValueRef } from "../ir/graph.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import type { ConversionContext, OperatorDefinition, OperatorVersion, RawNode } from "./definition.ts";
import { findOperator, operators } from "./index.ts";

/**
 * Conversion between operator-set versions. The IR holds each node in the newest form of its operator; importers raise
 * nodes to it step by step, exporters lower them to the form that a target operator set has.
 */

/** Index of the form that operator set `opset` has, or -1 when the operator is younger. */
function formAt(definition: OperatorDefinition, opset: number): number {
  return definition.versions.findLastIndex((version) => version.since <= opset);
}

/** Index of the newest form that is not a removal. */
const newestForm = (definition: OperatorDefinition): number => definition.versions.findLastIndex((version) => !version.removed);

const versionAt = (definition: OperatorDefinition, index: number): OperatorVersion => definition.versions[index] as OperatorVersion;

const newestOpsets = new Map<string, number>();
for (const { domain, versions } of operators) newestOpsets.set(domain, Math.max(newestOpsets.get(domain) ?? 1, versions.at(-1)?.since ?? 1));

/** The newest operator set that the definitions know, or undefined for a domain without definitions. */
export const newestOpset = (domain: string): number | undefined => newestOpsets.get(domain);

/** False when a node of operator set `opset` is in the newest form as it stands. */
export function needsUpgrade(domain: string, op: string, opset: number): boolean {
  const definition = findOperator(domain, op);
  if (!definition) return false;
  return definition.versions.slice(Math.max(0, formAt(definition, opset))).some((version) => version.upgrade);
}

/**
 * Turns a node written for operator set `fromOpset` into the newest form, in place; it may become another operator
 * (Upsample becomes Resize). Nodes of unknown operators stay as they are. Throws "version-semantics" when the older
 * meaning cannot be said in the newer form.
 */
export function upgradeNode(raw: RawNode, fromOpset: number, context: ConversionContext): void {
  let definition = findOperator(raw.domain, raw.op);
  let opset = fromOpset;
  let form = definition ? Math.max(0, formAt(definition, opset)) : 0;
  while (definition && form < definition.versions.length - 1) {
    const next: OperatorVersion = versionAt(definition, form + 1);
    const { upgrade } = versionAt(definition, form);
    if (next.removed && !upgrade) return;
    upgrade?.(raw, context);
    if (raw.op === definition.op && raw.domain === definition.domain) form++;
    else {
      opset = next.since;
      definition = findOperator(raw.domain, raw.op);
      form = definition ? Math.max(0, formAt(definition, opset)) : 0;
    }
  }
}

/** Why a node cannot be written for an operator set. */
export interface DowngradeProblem {
  readonly reason: string;
  /** the lowest operator set above the asked one that may hold it; undefined when none does */
  readonly lowest: number | undefined;
}

/** Turns a node of the newest form into the form of operator set `toOpset`, in place, or says why that cannot be. */
export function downgradeNode(raw: RawNode, toOpset: number, context: ConversionContext): DowngradeProblem | undefined {
  const definition = findOperator(raw.domain, raw.op);
  if (!definition) return undefined;
  const target = formAt(definition, toOpset);
  if (target < 0) return { reason: `${raw.op} exists since operator set ${versionAt(definition, 0).since}`, lowest: versionAt(definition, 0).since };
  if (versionAt(definition, target).removed) return { reason: `${raw.op} was removed in operator set ${versionAt(definition, target).since}`, lowest: undefined };
  for (let form = newestForm(definition) - 1; form >= target; form--) {
    const reason = versionAt(definition, form).downgrade?.(raw, context);
    if (reason !== undefined) return { reason, lowest: versionAt(definition, form + 1).since };
    if (raw.op !== definition.op || raw.domain !== definition.domain) return undefined;
  }
  return undefined;
}

/** False when the newest form and that of operator set `opset` are the same for every node of this operator. */
export function needsDowngrade(domain: string, op: string, opset: number): boolean {
  const definition = findOperator(domain, op);
  if (!definition) return false;
  const target = formAt(definition, opset);
  return target < 0 || !!versionAt(definition, target).removed || definition.versions.slice(target, newestForm(definition)).some((version) => version.downgrade);
}

/** True when two operator sets have the same form of an operator. */
export function sameForm(domain: string, op: string, a: number, b: number): boolean {
  const definition = findOperator(domain, op);
  return definition ? formAt(definition, a) === formAt(definition, b) : a === b;
}

const cloneRaw = (raw: RawNode): RawNode => ({
  ...raw,
  inputs: [...raw.inputs],
  attributes: { ...raw.attributes },
  regions: { ...raw.regions },
  outputs: [...raw.outputs],
});

/**
 * The lowest operator set, `atLeast` or above, that holds this node (newest form), and what stood in the way of
 * `atLeast`. `context` only answers questions: nothing is added through it. Throws "opset" when none holds it.
 */
export function lowestOpset(raw: RawNode, atLeast: number, context: Pick<ConversionContext, "type" | "constant">): { opset: number; reason?: string } {
  let scratch = 0;
  const constants = new Map<ValueRef, Tensor>();
  const placeholder = (): ValueRef => ({ node: Number.MAX_SAFE_INTEGER - scratch++, output: 0 });
  const dry: ConversionContext = {
    type: (ref) => context.type(ref),
    constant: (ref) => (ref && constants.get(ref)) ?? context.constant(ref),
    addConstant: (tensor) => {
      const ref = placeholder();
      constants.set(ref, tensor);
      return ref;
    },
    addNode: placeholder,
  };
  let opset = atLeast;
  let reason: string | undefined;
  for (;;) {
    const problem = downgradeNode(cloneRaw(raw), opset, dry);
    if (!problem) return reason === undefined ? { opset } : { opset, reason };
    reason ??= problem.reason;
    if (problem.lowest === undefined || problem.lowest <= opset) throw new GraphwrightError("opset", `${raw.op} cannot be written for operator set ${opset}: ${problem.reason}.`);
    opset = problem.lowest;
  }
}
