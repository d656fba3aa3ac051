/** The Markdown of this repository's documents: headings, paragraphs, lists, tables, code. Nothing in it is HTML. */
import type { ReactNode } from "react";

type Block =
  | { readonly kind: "heading"; readonly level: number; readonly text: string }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "list"; readonly items: readonly string[] }
  | { readonly kind: "table"; readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] }
  | { readonly kind: "paragraph"; readonly text: string };

export function parseMarkdown(text: string): readonly Block[] {
  const lines = text.split("\n");
  const blocks: Block[] = [];
  const cells = (line: string): string[] => line.replace(/^\s*\||\|\s*$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim());
  for (let i = 0; i < lines.length; ) {
    const line = lines[i]!;
    const heading = /^(#+) (.*)$/.exec(line);
    if (heading) {
      blocks.push({ kind: "heading", level: heading[1]!.length, text: heading[2]! });
      i++;
    } else if (line.startsWith("```")) {
      const end = lines.findIndex((each, at) => at > i && each.startsWith("```"));
      const last = end < 0 ? lines.length : end;
      blocks.push({ kind: "code", text: lines.slice(i + 1, last).join("\n") });
      i = last + 1;
    } else if (line.startsWith("- ")) {
      const items: string[] = [];
      for (; i < lines.length && /^(- |\s+\S)/.test(lines[i]!); i++) {
        if (lines[i]!.startsWith("- ")) items.push(lines[i]!.slice(2));
        else items[items.length - 1] += ` ${lines[i]!.trim()}`;
      }
      blocks.push({ kind: "list", items });
    } else if (line.startsWith("|")) {
      const table: string[] = [];
      for (; lines[i]?.startsWith("|"); i++) table.push(lines[i]!);
      blocks.push({ kind: "table", head: cells(table[0]!), rows: table.slice(2).map(cells) });
    } else if (line.trim() === "") {
      i++;
    } else {
      const paragraph: string[] = [];
      for (; i < lines.length && lines[i]!.trim() !== "" && !/^(#+ |```|- |\|)/.test(lines[i]!); i++) paragraph.push(lines[i]!.trim());
      blocks.push({ kind: "paragraph", text: paragraph.join(" ") });
    }
  }
  return blocks;
}

/** `code`, [text](address) as its text, **bold**. */
function inline(text: string): ReactNode[] {
  return text.split(/(`[^`]+`|\[[^\]]+\]\([^)]+\)|\*\*[^*]+\*\*)/).map((part, index) => {
    if (part.startsWith("`")) return <code key={index}>{part.slice(1, -1)}</code>;
    if (part.startsWith("**")) return <strong key={index}>{part.slice(2, -2)}</strong>;
    return /^\[([^\]]+)\]\(/.exec(part)?.[1] ?? part;
  });
}

export function Markdown({ text }: { readonly text: string }): ReactNode {
  return (
    <div className="markdown">
      {parseMarkdown(text).map((block, index) => {
        switch (block.kind) {
          case "heading":
            return <h3 key={index}>{inline(block.text)}</h3>;
          case "code":
            return <pre key={index} className="mono" tabIndex={0}>{block.text}</pre>;
          case "list":
            return <ul key={index}>{block.items.map((item, at) => <li key={at}>{inline(item)}</li>)}</ul>;
          case "table":
            return (
              <table key={index}>
                <thead><tr>{block.head.map((cell, at) => <th key={at} scope="col">{inline(cell)}</th>)}</tr></thead>
                <tbody>{block.rows.map((row, at) => <tr key={at}>{row.map((cell, column) => <td key={column}>{inline(cell)}</td>)}</tr>)}</tbody>
              </table>
            );
          case "paragraph":
            return <p key={index}>{inline(block.text)}</p>;
        }
      })}
    </div>
  );
}
