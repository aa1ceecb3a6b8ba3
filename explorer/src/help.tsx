/** The list of keys. */

import { Dialog } from "./dialog";
import { activeKeys, shown } from "./keys";

export function Help({ close }: { close: () => void }) {
  return (
    <Dialog title="Keys" close={close}>
      <dl class="keys">
        {activeKeys().map(({ keys, does }) => (
          <div key={does}>
            <dt>{keys.map((key, i) => <kbd key={i}>{shown(key)}</kbd>)}</dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p class="quiet">The keys of this page stand first. Tab and Enter reach everything too.</p>
    </Dialog>
  );
}
