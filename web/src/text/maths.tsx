// LaTeX as MathML, which the browser draws itself. The library comes when the first formula does, and
// builds nodes: no text of a model is ever parsed as HTML. What it cannot read stays as it was written.

import { useEffect, useRef } from "preact/hooks";

const LONGEST = 2000;

export function Maths({ text, block }: { text: string; block: boolean }) {
  const place = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    if (text.length > LONGEST) return;
    let gone = false;
    const how = { displayMode: block, throwOnError: true, trust: false, maxExpand: 100, maxSize: [20, 20] as [number, number] };
    import("temml").then(({ default: temml }) => {
      const made = document.createElement("span");
      try {
        temml.render(text, made, how);
      } catch {
        return;
      }
      if (!gone) place.current?.replaceChildren(...made.childNodes);
    }, () => undefined);
    return () => {
      gone = true;
    };
  }, [text, block]);
  // the library's nodes are in the place of the text: whatever changes it begins anew
  return (
    <span key={text} ref={place} class={block ? "maths block scroll" : "maths"} dir="ltr" {...(block ? { tabIndex: 0, role: "group", "aria-label": text } : {})}>
      <code>{text}</code>
    </span>
  );
}
