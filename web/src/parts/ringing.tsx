import { attempt } from "../state/notice";
import { keyOf, lineOfRing, ringing, snoozeRing, stopRing } from "../state/ringing";
import { words } from "../words";
import { Icon } from "./icon";

/** What rings, over whatever is shown. The region is always there, or a screen reader would miss it. */
export function Ringing() {
  const t = words.value;
  const rings = ringing.value;
  return (
    <div class="ringing" role="alert">
      {rings.map((ring) => (
        <section key={keyOf(ring)} class={ring.missed ? "missed" : ""} aria-label={t.ringing}>
          <Icon name="bell" />
          <p>
            {ring.missed && <small>{t.missedRing}</small>}
            <strong>{lineOfRing(ring)}</strong>
          </p>
          <div class="row">
            {!ring.missed && (
              <button type="button" class="plain" onClick={() => void attempt(() => snoozeRing(ring))}>
                {t.snooze}
              </button>
            )}
            <button type="button" class="strong" onClick={() => void attempt(() => stopRing(ring))}>
              {ring.missed ? t.dismiss : t.stopRing}
            </button>
          </div>
        </section>
      ))}
    </div>
  );
}
