import { notice } from "../state/notice";
import { words } from "../words";
import { Icon } from "./icon";

/** The newest notice. The region is always there, or a screen reader would miss it. */
export function Notices() {
  const one = notice.value;
  return (
    <div class="notices" role={one?.bad ? "alert" : "status"}>
      {one && (
        <p class={one.bad ? "bad" : ""}>
          <span>{one.line}</span>
          <button type="button" class="quiet" onClick={() => (notice.value = null)} aria-label={words.value.dismiss}>
            <Icon name="close" />
          </button>
        </p>
      )}
    </div>
  );
}
