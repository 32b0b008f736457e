// The tree of an answer as elements. Text only ever becomes text nodes: nothing is parsed as HTML.

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { Cited } from "../api/types";
import { signal } from "@preact/signals";
import { Copy } from "../parts/copy";
import { openPassage } from "../state/passage";
import { words } from "../words";
import { type Block, blocks, type Inline } from "./markdown";
import { Maths } from "./maths";

interface Props {
  text: string;
  cites: Cited[];
}

export function Markdown({ text, cites }: Props) {
  const tree = useMemo(() => blocks(text), [text]);
  let above = 1; // the page's own title: below it no level is skipped
  return (
    <div class="prose">
      {tree.map((block) => {
        if (block.kind !== "heading") return shown(block, cites);
        above = Math.min(block.level + 1, above + 1, 6);
        const Tag = `h${above}` as "h2";
        return <Tag dir="auto" class={`level-${Math.min(block.level, 3)}`}>{spans(block.of, cites)}</Tag>;
      })}
    </div>
  );
}

function shown(block: Block, cites: Cited[]): ComponentChildren {
  switch (block.kind) {
    case "paragraph":
      return <p dir="auto">{spans(block.of, cites)}</p>;
    case "maths":
      return <Maths text={block.text} block />;
    case "heading": // within a quote or a list: no part of the page's outline
      return (
        <p>
          <strong>{spans(block.of, cites)}</strong>
        </p>
      );
    case "code":
      return <Code text={block.text} language={block.language} />;
    case "quote":
      return <blockquote>{block.of.map((one) => shown(one, cites))}</blockquote>;
    case "list": {
      const items = block.items.map((item) => <li dir="auto">{item.map((one) => tight(one, item, cites))}</li>);
      return block.ordered ? <ol start={block.start}>{items}</ol> : <ul>{items}</ul>;
    }
    case "table":
      return <Table block={block} cites={cites} />;
    case "rule":
      return <hr />;
  }
}

/** A list item of one paragraph needs no paragraph. */
function tight(block: Block, item: Block[], cites: Cited[]): ComponentChildren {
  const alone = item.filter((one) => one.kind === "paragraph").length === 1;
  return alone && block.kind === "paragraph" ? spans(block.of, cites) : shown(block, cites);
}

function Code({ text, language }: { text: string; language: string }) {
  return (
    <figure class="code">
      <figcaption>
        <span>{language || words.value.code}</span>
        <Copy text={text} label={words.value.copyCode} />
      </figcaption>
      <pre tabIndex={0} role="group" aria-label={language || words.value.code}>
        <code>{coloured(text, language)}</code>
      </pre>
    </figure>
  );
}

type Painter = typeof import("./colours").pieces;
const painter = signal<Painter | null>(null);

/** Code in its colours, as soon as it is known how. */
function coloured(text: string, language: string): ComponentChildren {
  if (language === "") return text;
  if (painter.value === null) {
    void import("./colours").then((one) => (painter.value = one.pieces), () => undefined);
    return text;
  }
  return painter.value(text, language).map((one) => (one.kind === "plain" ? one.text : <span class={`code-${one.kind}`}>{one.text}</span>));
}

function Table({ block, cites }: { block: Block & { kind: "table" }; cites: Cited[] }) {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="table">
      <table>
        <thead>
          <tr>
            {block.head.map((cell) => (
              <th scope="col" dir="auto">{spans(cell, cites)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {block.rows.map((row) => (
            <tr>
              {row.map((cell) => (
                <td dir="auto">{spans(cell, cites)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function spans(of: Inline[], cites: Cited[]): ComponentChildren {
  return of.map((one, at) => {
    const next = of[at + 1];
    const cited = next?.kind === "cite" && cites.some((that) => that.number === next.number);
    return one.kind === "text" && cited ? one.text.trimEnd() : span(one, cites); // its mark has room
  });
}

function span(one: Inline, cites: Cited[]): ComponentChildren {
  switch (one.kind) {
    case "text":
      return one.text;
    case "code":
      return <code>{one.text}</code>;
    case "strong":
      return <strong>{spans(one.of, cites)}</strong>;
    case "em":
      return <em>{spans(one.of, cites)}</em>;
    case "del":
      return <del>{spans(one.of, cites)}</del>;
    case "maths":
      return <Maths text={one.text} block={one.block} />;
    case "break":
      return <br />;
    case "link":
      return <Link href={one.href}>{spans(one.of, cites)}</Link>;
    case "image":
      return (
        <span class="image">
          {one.alt} (<Link href={one.href}>{words.value.imageNotLoaded}</Link>)
        </span>
      );
    case "cite":
      return <Cite number={one.number} cites={cites} />;
  }
}

function Link({ href, children }: { href: string; children: ComponentChildren }) {
  const url = new URL(href);
  const host = url.protocol === "mailto:" ? url.pathname : url.host;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
      <span class="host"> {host}</span>
    </a>
  );
}

function Cite({ number, cites }: { number: number; cites: Cited[] }) {
  const cited = cites.find((one) => one.number === number);
  if (cited === undefined) return <>{`[${number}]`}</>;
  return (
    <button
      type="button"
      class="cite"
      aria-label={words.value.openSource(number, cited.passage.source)}
      onClick={() => openPassage(cited)}
    >
      {number}
    </button>
  );
}
