import type { Delta } from "./delta.ts";
import { Graph } from "./graph.ts";

export type StepId = number;

export interface Step {
  readonly id: StepId;
  readonly parent: StepId | null;
  /** distance from the imported model */
  readonly depth: number;
  readonly graph: Graph;
  /** undefined for the first step: the model as imported */
  readonly delta: Delta | undefined;
}

/**
 * The tree of everything done to a model. The head is where the person stands: undo and redo move it, an edit
 * appends a step to it, and an edit after an undo starts a branch. Steps are dropped only when the
 * work that made them is cancelled.
 */
export class Timeline {
  private readonly list: Step[];
  private readonly childrenOf: StepId[][] = [[]];
  /** the child that redo goes to, by step */
  private readonly redoTo: (StepId | undefined)[] = [undefined];
  private headId: StepId = 0;
  private nodeIds: number;
  private regionIds: number;

  constructor(graph: Graph) {
    this.nodeIds = graph.nodes.length;
    this.regionIds = graph.regions.length;
    this.list = [{ id: 0, parent: null, depth: 0, graph, delta: undefined }];
  }

  get head(): Step {
    return this.list[this.headId] as Step;
  }

  /**
   * The head's graph, to start an edit from. Ids that other branches gave out are left free, so that one id means one
   * node in the whole tree. Pass this, not `head.graph`, to a Rewriter whose commit will be appended.
   */
  editBase(): Graph {
    const { graph } = this.head;
    if (graph.nodes.length === this.nodeIds && graph.regions.length === this.regionIds) return graph;
    const nodes = graph.nodes.builder();
    const uses = graph.uses.builder();
    const regions = graph.regions.builder();
    while (nodes.length < this.nodeIds) {
      nodes.push(undefined);
      uses.push(undefined);
    }
    while (regions.length < this.regionIds) regions.push(undefined);
    return new Graph(nodes.freeze(), uses.freeze(), regions.freeze(), graph.info);
  }

  get steps(): readonly Step[] {
    return this.list;
  }

  step(id: StepId): Step {
    const step = this.list[id];
    if (!step) throw new RangeError(`no step ${id}`);
    return step;
  }

  children(id: StepId): readonly StepId[] {
    return this.childrenOf[id] ?? [];
  }

  /**
   * Adds a step after the head and moves the head to it. Throws RangeError when the step gives an id that another
   * branch already gave.
   */
  append(graph: Graph, delta: Delta): Step {
    const reused = delta.added.find((node) => node.id < this.nodeIds);
    if (reused) throw new RangeError(`node id ${reused.id} is in use on another branch: start from editBase()`);
    this.nodeIds = graph.nodes.length;
    this.regionIds = Math.max(this.regionIds, graph.regions.length);
    const parent = this.head;
    const step: Step = { id: this.list.length, parent: parent.id, depth: parent.depth + 1, graph, delta };
    this.list.push(step);
    this.childrenOf.push([]);
    this.redoTo.push(undefined);
    (this.childrenOf[parent.id] as StepId[]).push(step.id);
    // Redo from the head's ancestors leads to the head already: walking them would make each step cost its depth.
    this.redoTo[parent.id] = step.id;
    this.headId = step.id;
    return step;
  }

  /**
   * Forgets every step after the first `count`, for work that was cancelled or failed half-way, and puts the head on
   * `head`. Only steps that nothing else came to depend on may be dropped this way.
   */
  rollBack(count: number, head: StepId): void {
    if (head >= count) throw new RangeError(`step ${head} would be dropped`);
    this.list.length = count;
    this.childrenOf.length = count;
    this.redoTo.length = count;
    for (const [id, children] of this.childrenOf.entries()) {
      this.childrenOf[id] = children.filter((child) => child < count);
      const redo = this.redoTo[id];
      if (redo !== undefined && redo >= count) this.redoTo[id] = this.childrenOf[id].at(-1);
    }
    this.moveTo(head);
  }

  /** Moves the head to any step; redo from its ancestors leads back to it. */
  moveTo(id: StepId): Step {
    const target = this.step(id);
    for (let at = target; at.parent !== null; at = this.step(at.parent)) this.redoTo[at.parent] = at.id;
    this.headId = id;
    return target;
  }

  undo(): Step | undefined {
    const { parent } = this.head;
    if (parent === null) return undefined;
    this.redoTo[parent] = this.headId;
    this.headId = parent;
    return this.head;
  }

  redo(): Step | undefined {
    const next = this.redoTo[this.headId];
    if (next === undefined) return undefined;
    this.headId = next;
    return this.head;
  }

  /** From the first step to `id`, both included. */
  path(id: StepId): StepId[] {
    const path: StepId[] = [];
    for (let at: StepId | null = id; at !== null; at = this.step(at).parent) path.push(at);
    return path.reverse();
  }

  /** The path of the head, followed by the steps that redo would visit. */
  branch(): StepId[] {
    const path = this.path(this.headId);
    for (let next = this.redoTo[this.headId]; next !== undefined; next = this.redoTo[next]) path.push(next);
    return path;
  }

  commonAncestor(a: StepId, b: StepId): StepId {
    let x = this.step(a);
    let y = this.step(b);
    while (x.depth > y.depth) x = this.step(x.parent as StepId);
    while (y.depth > x.depth) y = this.step(y.parent as StepId);
    while (x !== y) {
      x = this.step(x.parent as StepId);
      y = this.step(y.parent as StepId);
    }
    return x.id;
  }
}
