/** A box to type in that leads anywhere. */

import { useEffect, useRef, useState } from "preact/hooks";
import { Dialog } from "./dialog";
import { find } from "./find";
import { useReport } from "./report";
import { go } from "./route";

export function Finder({ layer, close }: { layer: string; close: () => void }) {
  const { model, photos } = useReport();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const hits = find(text, model, photos, layer);
  useEffect(() => input.current?.focus(), []);
  const take = (index: number) => {
    const hit = hits[index];
    if (!hit) return;
    close();
    go(hit.href);
  };
  const press = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setChosen((chosen + step + hits.length) % Math.max(1, hits.length));
    else if (event.key === "Enter") take(chosen);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Find" close={close}>
      <input
        ref={input}
        type="text"
        role="combobox"
        aria-label="A unit, as conv5:212, a layer, a class or a photo"
        aria-expanded="true"
        aria-controls="hits"
        aria-activedescendant={hits[chosen] ? `hit-${chosen}` : undefined}
        placeholder="conv5:212, a layer, a class, a photo"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => (setText(event.currentTarget.value), setChosen(0))}
        onKeyDown={press}
      />
      <ul id="hits" role="listbox" aria-label="Found">
        {hits.map(({ what, kind }, i) => (
          <li key={i} id={`hit-${i}`} role="option" aria-selected={i === chosen} onClick={() => take(i)}>
            {what} <span class="quiet">{kind}</span>
          </li>
        ))}
      </ul>
      {hits.length === 0 && <p class="quiet" role="status">Nothing is called so.</p>}
    </Dialog>
  );
}
