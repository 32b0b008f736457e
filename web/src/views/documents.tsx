import { useEffect, useRef } from "preact/hooks";
import type { Document } from "../api/types";
import { Icon } from "../parts/icon";
import { Room } from "../parts/room";
import { sure } from "../state/asking";
import { add, deleteDocument, documents, dropUpload, loadDocuments, type Upload, uploads } from "../state/documents";
import { attempt } from "../state/notice";
import { percent, size, when, words } from "../words";
import { inWords } from "../words/lines";

/** What a person added; files can be dropped anywhere in the page. */
export function Documents() {
  const t = words.value;
  useEffect(() => void loadDocuments(), []);
  const all = documents.value;
  return (
    <Room title={t.documents} more={t.documentsMore}>
      <Drop />
      {uploads.value.length > 0 && (
        <ul class="uploads" aria-label={t.uploading}>
          {uploads.value.map((one) => (
            <Going key={one.key} upload={one} />
          ))}
        </ul>
      )}
      {all === null ? <p class="note">{t.loading}</p> : all.length === 0 ? <p class="note">{t.noDocuments}</p> : <List all={all} />}
    </Room>
  );
}

function Drop() {
  const t = words.value;
  const input = useRef<HTMLInputElement>(null);
  return (
    <div class="drop">
      <Icon name="drop" />
      <p>
        {t.dropHere}{" "}
        <button type="button" class="link" onClick={() => input.current?.click()}>
          {t.chooseFiles}
        </button>
      </p>
      <input
        ref={input}
        class="unseen"
        type="file"
        multiple
        tabIndex={-1}
        aria-label={t.addDocuments}
        onChange={(event) => {
          add(Array.from(event.currentTarget.files ?? []));
          event.currentTarget.value = "";
        }}
      />
    </div>
  );
}

function Going({ upload }: { upload: Upload }) {
  const t = words.value;
  return (
    <li>
      <span class="name">{upload.name}</span>
      {upload.error ? (
        <span class="why" role="alert">
          {upload.error}
        </span>
      ) : (
        <>
          <progress aria-label={`${t.uploading} ${upload.name}`} max={1} value={upload.share} />
          <span class="note">{percent(upload.share, 0)}</span>
        </>
      )}
      <button type="button" class="quiet" aria-label={t.stopUpload(upload.name)} onClick={() => dropUpload(upload.key)}>
        <Icon name="close" />
      </button>
    </li>
  );
}

function List({ all }: { all: Document[] }) {
  return (
    <ul class="files">
      {all.map((one) => (
        <Row key={one.id} one={one} />
      ))}
    </ul>
  );
}

function Row({ one }: { one: Document }) {
  const t = words.value;
  const state = { kept: t.keptOnly, indexing: t.indexing, ready: t.ready, failed: t.unreadable }[one.state];
  async function remove() {
    const yes = await sure({ title: t.deleteDocument, more: t.deleteDocumentMore(one.name), yes: t.remove });
    if (yes) await attempt(() => deleteDocument(one.id));
  }
  return (
    <li>
      <Icon name="paper" />
      <div>
        <strong>{one.name}</strong>
        <small>
          {size(one.size)} · {when(one.added)}
          {one.passages > 0 && ` · ${t.passages(one.passages)}`}
        </small>
        {one.problem && <p class="why">{inWords(one.problem)}</p>}
      </div>
      <span class={`state ${one.state}`}>{state}</span>
      <button type="button" class="quiet" aria-label={t.deleteOf(one.name)} onClick={() => void remove()}>
        <Icon name="bin" />
      </button>
    </li>
  );
}
