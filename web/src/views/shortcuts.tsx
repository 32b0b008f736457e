import { Dialog } from "../parts/dialog";
import { words } from "../words";

const KEYS = [
  ["keySend", ["Enter"]],
  ["keyLine", ["Shift", "Enter"]],
  ["keyStop", ["Esc"]],
  ["keyNew", ["Alt", "N"]],
  ["keySearch", ["Ctrl", "K"]],
  ["keyPrevious", ["Alt", "↑ ↓"]],
  ["keyHelp", ["Ctrl", "/"]],
] as const;

export function Shortcuts({ close }: { close: () => void }) {
  const t = words.value;
  return (
    <Dialog title={t.shortcutsTitle} close={close}>
      <dl class="keys">
        {KEYS.map(([name, keys]) => (
          <div>
            <dt>
              {keys.map((key) => (
                <kbd>{key}</kbd>
              ))}
            </dt>
            <dd>{t[name]}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
