/**
 * Group paths from node names. Exporters write scopes in several ways ("/layer1/0/conv/Conv", "model.layers.0.mlp.fc",
 * "gpu_0/res2_0_branch2a"); older ones write none ("Conv_12").
 */

export interface ScopeStrategy {
  readonly name: string;
  /** A path ("a/b") for each name, "" for top level; or undefined when this strategy finds no structure in the names. */
  paths(names: readonly string[]): string[] | undefined;
}

const isIndex = (part: string): boolean => /^\d+$/.test(part);

/** Joins an index to what it counts: layers, 0 -> layers.0, so that the layers are siblings. */
function joinIndices(parts: readonly string[]): string[] {
  const joined: string[] = [];
  for (const part of parts) {
    const last = joined[joined.length - 1];
    if (isIndex(part) && last !== undefined) joined[joined.length - 1] = `${last}.${part}`;
    else joined.push(part);
  }
  return joined;
}

function bySeparator(names: readonly string[], separator: string): string[] | undefined {
  const cache = new Map<string, string>();
  let grouped = 0;
  let first: string | undefined;
  let distinct = false;
  const paths = names.map((name) => {
    const end = name.lastIndexOf(separator);
    if (end <= 0) return "";
    const scope = name.slice(0, end);
    let path = cache.get(scope);
    if (path === undefined) {
      path = joinIndices(scope.split(separator).filter((part) => part !== "")).join("/");
      cache.set(scope, path);
    }
    if (path !== "") {
      grouped++;
      if (first === undefined) first = path;
      else if (first !== path) distinct = true;
    }
    return path;
  });
  return distinct && grouped >= names.length * 0.2 ? paths : undefined;
}

const slashScopes: ScopeStrategy = { name: "slash", paths: (names) => bySeparator(names, "/") };
const dotScopes: ScopeStrategy = { name: "dot", paths: (names) => bySeparator(names, ".") };

/**
 * Common prefixes at "_": res2_0_branch2a is in res2 > res2_0. A prefix only counts when its nodes stand together in
 * the order given; "Conv" in Conv_0, Relu_1, Conv_2 does not.
 */
const prefixScopes: ScopeStrategy = {
  name: "prefix",
  paths(names) {
    const leaves = names.map((name) => name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf(".")) + 1));
    const seen = new Map<string, { count: number; first: number; last: number }>();
    const prefixesOf = (leaf: string): string[] => {
      const prefixes: string[] = [];
      for (let at = leaf.indexOf("_"); at > 0 && prefixes.length < 4; at = leaf.indexOf("_", at + 1)) {
        prefixes.push(leaf.slice(0, at));
      }
      return prefixes;
    };
    leaves.forEach((leaf, index) => {
      for (const prefix of prefixesOf(leaf)) {
        const entry = seen.get(prefix);
        if (entry === undefined) seen.set(prefix, { count: 1, first: index, last: index });
        else {
          entry.count++;
          entry.last = index;
        }
      }
    });
    let grouped = 0;
    const paths = leaves.map((leaf) => {
      const kept = prefixesOf(leaf).filter((prefix) => {
        const { count, first, last } = seen.get(prefix)!;
        return count > 2 && count < names.length * 0.9 && count >= (last - first + 1) * 0.7;
      });
      if (kept.length > 0) grouped++;
      return kept.join("/");
    });
    return grouped >= names.length * 0.3 ? paths : undefined;
  },
};

/** Tried in this order. Grouping by repeated structure, for names that say nothing, goes last when it exists. */
export const scopeStrategies: readonly ScopeStrategy[] = [slashScopes, dotScopes, prefixScopes];

/** The group path for each node name, in topological order; "" everywhere when the names have no structure. */
export function scopePaths(names: readonly string[]): string[] {
  for (const strategy of scopeStrategies) {
    const paths = strategy.paths(names);
    if (paths !== undefined) return paths;
  }
  return names.map(() => "");
}
