// Brings the page of a run that goes on up to date, without closing what the reader has opened.
const seconds = Number(document.body.dataset.refresh);
const open = () => [...document.querySelectorAll("details[open][id]")].map((each) => each.id);

async function refresh() {
  const typing = document.activeElement?.tagName === "INPUT" || String(getSelection()).length > 0;
  if (document.hidden || typing) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [now, then] = [document.querySelector("main"), page.querySelector("main")];
  const [opened, focused] = [open(), document.activeElement?.closest("details[id]")?.id];
  document.title = page.title;
  now.innerHTML = then.innerHTML;
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.querySelector("summary")?.focus({ preventScroll: true });
  if (!page.body.dataset.refresh) clearInterval(timer);
}

const timer = setInterval(refresh, seconds * 1000);
