// Code in pieces of a kind: comments, strings, numbers, keywords of many languages. One pass, no
// backtracking; what is none of these is plain. Comes when the first code does.

export type Kind = "comment" | "string" | "number" | "keyword" | "plain";
export interface Piece {
  kind: Kind;
  text: string;
}

const LONGEST = 50_000;
const HASHES = /^(py|python|sh|bash|shell|zsh|ruby|rb|yaml|yml|toml|ini|make|makefile|r|perl|pl|dockerfile)$/i;
const DASHES = /^(sql|lua|haskell|hs|ada)$/i;
const WORDS = new Set(
  (
    "abstract and as assert async await begin bool boolean break case catch char class const continue def default defer del delete do done " +
    "double elif else elsif end enum esac except export extends extern fi final finally float fn for from func function global go if impl implements " +
    "import in include int interface is lambda let long loop match mod module mut namespace new nil none not null or package pass private protected " +
    "pub public raise range return self short signed sizeof static string struct super switch then this throw trait true false try type typedef " +
    "typeof undefined union unless until unsigned use using var virtual void when where while with yield select insert update create table join on " +
    "group order by limit values set into echo local"
  ).split(" "),
);
const REST = String.raw`"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|${"`"}[^${"`"}]*${"`"}?|\b\d[\w.]*|[A-Za-z_]\w*|\s+|.`;

export function pieces(text: string, language: string): Piece[] {
  if (text.length > LONGEST) return [{ kind: "plain", text }];
  const line = HASHES.test(language) ? "#[^\\n]*" : DASHES.test(language) ? "--[^\\n]*" : "//[^\\n]*|/\\*[\\s\\S]*?(?:\\*/|$)";
  const found: Piece[] = [];
  for (const [word] of text.matchAll(new RegExp(`${line}|${REST}`, "gs"))) {
    const kind = kindOf(word);
    const last = found.at(-1);
    if (last?.kind === kind) last.text += word;
    else found.push({ kind, text: word });
  }
  return found;
}

function kindOf(word: string): Kind {
  if (word.length > 1 && /^(#|\/\/|\/\*|--)/.test(word)) return "comment";
  if (/^["'`]/.test(word)) return "string";
  if (/^\d/.test(word)) return "number";
  return WORDS.has(word.toLowerCase()) ? "keyword" : "plain";
}
