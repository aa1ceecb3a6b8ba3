/** A grid of any number of cells, of which only those on screen exist; arrows walk through it. */

import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { useKeys } from "./keys";

interface GridProps {
  label: string;
  count: number;
  width: number; // of a cell, with its gap, pixels
  height: number;
  cell: (index: number) => ComponentChildren; // a link or a button
  start?: number; // the cell that is chosen at first
  version: string; // of what cells show: a new one draws them all anew
}

export function Grid({ label, count, width, height, cell, start = 0, version }: GridProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [columns, setColumns] = useState(0);
  const [chosen, setChosen] = useState(start);
  const moved = useRef(start > 0);
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const rows = columns ? Math.ceil(count / columns) : 0;
  const virtualizer = useRef<Virtualizer<HTMLDivElement, Element>>();
  const options = {
    count: rows,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 2,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => redraw(0),
  };
  virtualizer.current ??= new Virtualizer(options);
  virtualizer.current.setOptions(options);
  useLayoutEffect(() => virtualizer.current!._didMount(), []);
  useLayoutEffect(() => virtualizer.current!._willUpdate());
  useLayoutEffect(() => {
    const fit = () => setColumns(Math.max(1, Math.floor(scroller.current!.clientWidth / width)));
    const observer = new ResizeObserver(fit);
    observer.observe(scroller.current!);
    fit();
    return () => observer.disconnect();
  }, [width]);
  useLayoutEffect(() => virtualizer.current!.measure(), [height, columns]);
  useEffect(() => setChosen((now) => Math.min(now, Math.max(0, count - 1))), [count]);
  useEffect(() => {
    if (!moved.current || !columns) return;
    virtualizer.current!.scrollToIndex(Math.floor(chosen / columns));
    const focus = () => scroller.current?.querySelector<HTMLElement>(`[data-cell="${chosen}"] :is(a, button)`)?.focus();
    const frame = requestAnimationFrame(focus);
    return () => cancelAnimationFrame(frame);
  }, [chosen, columns]);
  const step = (by: number) => () => {
    moved.current = true;
    setChosen((now) => Math.max(0, Math.min(count - 1, now + by)));
  };
  useKeys([
    { keys: ["ArrowLeft", "j"], does: "left", run: step(-1) },
    { keys: ["ArrowRight", "l"], does: "right", run: step(1) },
    { keys: ["ArrowUp", "i"], does: "up", run: step(-columns) },
    { keys: ["ArrowDown", "k"], does: "down", run: step(columns) },
    { keys: ["J", "L"], does: "three to the left, to the right", run: (event) => step(event.key === "J" ? -3 : 3)() },
    { keys: ["I", "K"], does: "three rows up, down", run: (event) => step(event.key === "I" ? -3 * columns : 3 * columns)() },
    { keys: ["Home", "End"], does: "the first, the last", run: (event) => step(event.key === "Home" ? -count : count)() },
    { keys: ["Enter"], does: "open", run: () => scroller.current?.querySelector<HTMLElement>(`[data-cell="${chosen}"] :is(a, button)`)?.click() },
  ]);
  return (
    <div class="grid" ref={scroller} role="grid" aria-label={label} aria-rowcount={rows} aria-colcount={columns}>
      <div role="presentation" style={{ height: virtualizer.current.getTotalSize() }}>
        {virtualizer.current.getVirtualItems().map(({ index, start }) => (
          <div key={index} class="row" role="row" aria-rowindex={index + 1} style={{ transform: `translateY(${start}px)`, gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}>
            {Array.from({ length: Math.max(0, Math.min(columns, count - index * columns)) }, (_, x) => {
              const at = index * columns + x;
              return (
                <Cell key={at} at={at} chosen={at === chosen} version={`${version} ${at} ${columns}`} cell={cell} choose={() => setChosen(at)} />
              );
            })}
          </div>
        ))}
      </div>
    </div>
  );
}

interface CellProps {
  at: number;
  chosen: boolean;
  version: string;
  cell: (index: number) => ComponentChildren;
  choose: () => void;
}

/** Drawn anew only when it shows something else, so that scrolling makes new rows only. */
function Cell({ at, chosen, version, cell, choose }: CellProps) {
  const drawn = useRef<{ version: string; content: ComponentChildren }>();
  if (drawn.current?.version !== version) drawn.current = { version, content: cell(at) };
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const link = box.current?.querySelector<HTMLElement>("a, button");
    if (link) link.tabIndex = chosen ? 0 : -1;
  }, [chosen, version]);
  return (
    <div ref={box} class="cell" role="gridcell" data-cell={at} data-chosen={chosen || undefined} onFocusIn={choose}>
      {drawn.current.content}
    </div>
  );
}
