import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** A view with a title; the title has the focus when one comes here. */
export function Room({ title, more, children }: { title: string; more?: string; children: ComponentChildren }) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => head.current?.focus({ preventScroll: true }), []);
  return (
    <div class="room">
      <header>
        <h1 ref={head} tabIndex={-1}>
          {title}
        </h1>
        {more && <p class="more">{more}</p>}
      </header>
      {children}
    </div>
  );
}
