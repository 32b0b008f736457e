// Markdown to a tree, in time linear in the text. Knows no DOM: a tree cannot hold markup.

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "code"; text: string }
  | { kind: "strong" | "em" | "del"; of: Inline[] }
  | { kind: "link"; href: string; of: Inline[] }
  | { kind: "image"; href: string; alt: string }
  | { kind: "cite"; number: number }
  | { kind: "maths"; text: string; block: boolean }
  | { kind: "break" };

export type Block =
  | { kind: "paragraph"; of: Inline[] }
  | { kind: "heading"; level: number; of: Inline[] }
  | { kind: "code"; language: string; text: string }
  | { kind: "quote"; of: Block[] }
  | { kind: "list"; ordered: boolean; start: number; items: Block[][] }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][] }
  | { kind: "maths"; text: string }
  | { kind: "rule" };

const TALLEST = 60;
const MATHS = /^ {0,3}(\$\$|\\\[)/;
const DEEPEST = 6;
const WIDEST = 64;
const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*)$/;
const RULE = /^ {0,3}([-*_])( *\1){2,} *$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,9})([-*+]|\d{1,9}[.)])\s+/;
const DIVIDER = /^ {0,3}\|?[ :|-]*-[ :|-]*$/;

export function blocks(text: string, depth = 0): Block[] {
  const lines = text.replaceAll("\r\n", "\n").replaceAll("\t", "    ").split("\n");
  const found: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? "";
    if (line.trim() === "") {
      at += 1;
      continue;
    }
    const [block, next] = depth < DEEPEST ? oneBlock(lines, at, depth) : paragraph(lines, at);
    found.push(block);
    at = next;
  }
  return found;
}

function oneBlock(lines: string[], at: number, depth: number): [Block, number] {
  const line = lines[at] ?? "";
  const fence = FENCE.exec(line);
  if (fence) return code(lines, at, fence);
  const heading = HEADING.exec(line);
  if (heading) {
    const words = (heading[2] ?? "").replace(/\s#+\s*$/, "");
    return [{ kind: "heading", level: heading[1]?.length ?? 1, of: inline(words) }, at + 1];
  }
  const maths = MATHS.exec(line);
  const formula = maths && mathsBlock(lines, at, maths[1] === "$$" ? "$$" : "\\]");
  if (formula) return formula;
  if (RULE.test(line)) return [{ kind: "rule" }, at + 1];
  if (QUOTE.test(line)) {
    let end = at;
    while (end < lines.length && QUOTE.test(lines[end] ?? "")) end += 1;
    const inner = lines.slice(at, end).map((one) => one.replace(QUOTE, ""));
    return [{ kind: "quote", of: blocks(inner.join("\n"), depth + 1) }, end];
  }
  if (ITEM.test(line)) return list(lines, at, depth);
  if (line.includes("|") && isTable(line, lines[at + 1] ?? "")) return table(lines, at);
  return paragraph(lines, at);
}

function code(lines: string[], at: number, fence: RegExpExecArray): [Block, number] {
  const mark = fence[1] ?? "```";
  let end = at + 1;
  while (end < lines.length) {
    const line = (lines[end] ?? "").trim();
    if (line.startsWith(mark) && line.replaceAll(mark[0] ?? "`", "") === "") break;
    end += 1;
  }
  const text = lines.slice(at + 1, end).join("\n");
  return [{ kind: "code", language: fence[2] ?? "", text }, end + 1];
}

/** A formula on lines of its own; null where it does not end: it may still be written. */
function mathsBlock(lines: string[], at: number, end: string): [Block, number] | null {
  for (let to = at; to < Math.min(lines.length, at + TALLEST); to += 1) {
    const line = (lines[to] ?? "").trimEnd();
    const first = to === at;
    if (!line.endsWith(end) || (first && line.trim().length < 5)) continue;
    const text = lines.slice(at, to + 1).join("\n").trim().slice(2, -2).trim();
    return text === "" ? null : [{ kind: "maths", text }, to + 1];
  }
  return null;
}

function list(lines: string[], at: number, depth: number): [Block, number] {
  const first = ITEM.exec(lines[at] ?? "");
  const base = first?.[1]?.length ?? 0;
  const mark = first?.[2] ?? "-";
  const ordered = /\d/.test(mark);
  const items: string[][] = [];
  let end = at;
  while (end < lines.length) {
    const line = lines[end] ?? "";
    const item = ITEM.exec(line);
    const indent = line.length - line.trimStart().length;
    if (item && indent <= base + 1) {
      if (/\d/.test(item[2] ?? "") !== ordered) break;
      items.push([line.slice(item[0].length)]);
    } else if (line.trim() === "") {
      const next = lines[end + 1] ?? "";
      const deeper = next.length - next.trimStart().length > base;
      const another = ITEM.exec(next);
      const same = another !== null && /\d/.test(another[2] ?? "") === ordered;
      if (next.trim() === "" || !(deeper || same)) break;
      items[items.length - 1]?.push("");
    } else if (indent > base) {
      items[items.length - 1]?.push(line.slice(Math.min(indent, base + 2 + (ordered ? 1 : 0))));
    } else {
      break;
    }
    end += 1;
  }
  const start = ordered ? Number.parseInt(mark, 10) : 1;
  const of = items.map((item) => blocks(item.join("\n"), depth + 1));
  return [{ kind: "list", ordered, start, items: of }, end];
}

function table(lines: string[], at: number): [Block, number] {
  const head = cells(lines[at] ?? "");
  const rows: Inline[][][] = [];
  let end = at + 2;
  while (end < lines.length && (lines[end] ?? "").includes("|")) {
    rows.push(cells(lines[end] ?? "").slice(0, head.length));
    end += 1;
  }
  return [{ kind: "table", head, rows }, end];
}

function isTable(head: string, divider: string): boolean {
  const columns = split(divider).length;
  return DIVIDER.test(divider) && columns <= WIDEST && split(head).length === columns;
}

function split(line: string): string[] {
  return line.trim().replace(/^\|/, "").replace(/\|$/, "").split("|");
}

function cells(line: string): Inline[][] {
  return split(line).map((cell) => inline(cell.trim()));
}

function paragraph(lines: string[], at: number): [Block, number] {
  let end = at + 1;
  while (end < lines.length) {
    const line = lines[end] ?? "";
    const ends = [FENCE, HEADING, RULE, QUOTE, ITEM, MATHS].some((mark) => mark.test(line));
    if (line.trim() === "" || ends) break;
    end += 1;
  }
  const text = lines.slice(at, end).map((line) => line.trimStart()).join("\n");
  return [{ kind: "paragraph", of: inline(text) }, end];
}

// -- within a line

const PAIRS: [string, "strong" | "em" | "del"][] = [
  ["**", "strong"],
  ["__", "strong"],
  ["~~", "del"],
  ["*", "em"],
  ["_", "em"],
];
const PLAIN = /^[^\\`*_~![\]<\nh$]+/;
/** Between single dollars only what cannot be money or a shell's variable. */
const DOLLARS = /^\$(?=[^\s$])([^$\n]{0,300}[^\s$\\])\$(?![\d\p{L}])/u;
const BRACKETS = /^\\\((.{1,500}?)\\\)|^\\\[(.{1,500}?)\\\]|^\$\$([^$\n]{1,500})\$\$/;
const FORMULA = /[\\^_={}<>+]|^[A-Za-z]$/;
const CITE = /^\[(\d{1,3})\]/;
const LINK = /^(!?)\[([^[\]\n]{0,500})\]\(\s*<?([^\s()<>]{1,2000}(?:\([^\s()<>]{0,500}\)[^\s()<>]{0,500})?)>?(?:\s+"[^"\n]{0,200}")?\s*\)/;
const AUTO = /^<?(https?:\/\/[^\s<>"'`，。；！？、）】]{1,2000})>?/;
const WORD = /[\p{L}\p{N}]/u;

export function inline(text: string, depth = 0): Inline[] {
  const found: Inline[] = [];
  const none = new Set<string>(); // marks that close nowhere ahead: looked for once
  let plain = "";
  let at = 0;
  const put = (node: Inline) => {
    if (plain !== "") found.push({ kind: "text", text: plain });
    plain = "";
    found.push(node);
  };
  while (at < text.length) {
    const rest = text.slice(at, at + 4000);
    const run = PLAIN.exec(rest);
    if (run) {
      plain += run[0];
      at += run[0].length;
      continue;
    }
    const [node, length] = special(text, rest, at, depth, none);
    if (node === null) plain += text.slice(at, at + length);
    else put(node);
    at += length;
  }
  if (plain !== "") found.push({ kind: "text", text: plain });
  return found;
}

function special(
  text: string,
  rest: string,
  at: number,
  depth: number,
  none: Set<string>,
): [Inline | null, number] {
  const char = rest[0] ?? "";
  if (char === "\n") return [{ kind: "break" }, 1];
  const maths = char === "\\" || char === "$" ? formula(rest) : null;
  if (maths) return maths;
  if (char === "\\" && /[^\p{L}\p{N}\s]/u.test(rest[1] ?? "")) return [{ kind: "text", text: rest[1] ?? "" }, 2];
  if (char === "`") return codeSpan(text, at, none);
  const cite = CITE.exec(rest);
  if (cite && rest[cite[0].length] !== "(") return [{ kind: "cite", number: Number(cite[1]) }, cite[0].length];
  if (char === "[" || char === "!") {
    const link = LINK.exec(rest);
    const href = link ? safe(link[3] ?? "") : null;
    if (link && href !== null) {
      const said = link[2] ?? "";
      if (link[1] === "!") return [{ kind: "image", href, alt: said }, link[0].length];
      return [{ kind: "link", href, of: inline(said, depth + 1) }, link[0].length];
    }
  }
  if (char === "h" || char === "<") {
    const auto = AUTO.exec(rest);
    if (auto && !WORD.test(text[at - 1] ?? "")) return automatic(auto, char);
  }
  return emphasis(text, rest, at, depth, none);
}

function formula(rest: string): [Inline, number] | null {
  const found = BRACKETS.exec(rest);
  const text = found?.[1] ?? found?.[2] ?? found?.[3];
  if (found && text) return [{ kind: "maths", text: text.trim(), block: found[1] === undefined }, found[0].length];
  const dollars = DOLLARS.exec(rest);
  if (!dollars || !FORMULA.test(dollars[1] ?? "")) return null;
  return [{ kind: "maths", text: dollars[1] ?? "", block: false }, dollars[0].length];
}

function codeSpan(text: string, at: number, none: Set<string>): [Inline | null, number] {
  let length = 1;
  while (text[at + length] === "`") length += 1;
  const mark = "`".repeat(length);
  const end = none.has(mark) ? -1 : text.indexOf(mark, at + length);
  if (end < 0) {
    none.add(mark);
    return [null, length];
  }
  return [{ kind: "code", text: text.slice(at + length, end).replace(/^ (.*) $/s, "$1") }, end + length - at];
}

function automatic(auto: RegExpExecArray, char: string): [Inline | null, number] {
  const trailing = char === "<" ? "" : (/[.,;:!?)*_]+$/.exec(auto[1] ?? "")?.[0] ?? "");
  const shown = (auto[1] ?? "").slice(0, (auto[1] ?? "").length - trailing.length);
  const href = safe(shown);
  if (href === null) return [null, 1];
  const node: Inline = { kind: "link", href, of: [{ kind: "text", text: shown }] };
  return [node, auto[0].length - trailing.length];
}

function emphasis(
  text: string,
  rest: string,
  at: number,
  depth: number,
  none: Set<string>,
): [Inline | null, number] {
  for (const [mark, kind] of PAIRS) {
    if (!rest.startsWith(mark)) continue;
    const opens = !/^\s|^$/.test(rest.slice(mark.length, mark.length + 1));
    const inWord = mark[0] === "_" && WORD.test(text[at - 1] ?? "");
    if (!opens || inWord || depth >= DEEPEST || none.has(mark)) return [null, mark.length];
    const end = closing(text, mark, at + mark.length);
    if (end < 0) {
      none.add(mark);
      return [null, mark.length];
    }
    return [{ kind, of: inline(text.slice(at + mark.length, end), depth + 1) }, end + mark.length - at];
  }
  return [null, 1];
}

function closing(text: string, mark: string, from: number): number {
  let end = text.indexOf(mark, from + 1);
  while (end >= 0) {
    const single = mark.length === 1 && (text[end + 1] === mark || text[end - 1] === mark);
    const inWord = mark[0] === "_" && WORD.test(text[end + mark.length] ?? "");
    if (!single && !inWord && !/\s/.test(text[end - 1] ?? " ")) return end;
    end = text.indexOf(mark, end + 1 + (single && text[end + 1] === mark ? 1 : 0));
  }
  return -1;
}

/** An address a person may follow, in full; null for any other scheme. */
export function safe(address: string): string | null {
  if (!/^(https?:\/\/|mailto:)/i.test(address)) return null;
  try {
    const url = new URL(address);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
