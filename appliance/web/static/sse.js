// Reads server-sent events from a response. EventSource cannot send the visitor's key in a header, so this is read by hand.

const SILENCE_MS = 45_000; // three heartbeats; a connection that says less is dead, even if the browser has not noticed

export class Interrupted extends Error {}

export async function* readEvents(response, signal) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  try {
    for (;;) {
      const { done, value } = await withinSilence(reader.read());
      if (done) return;
      waiting += value.replaceAll("\r\n", "\n");
      const blocks = waiting.split("\n\n");
      waiting = blocks.pop();
      for (const block of blocks) {
        const event = parse(block);
        if (event) yield event;
      }
    }
  } catch (fault) {
    if (signal?.aborted) throw fault;
    throw new Interrupted();
  } finally {
    reader.cancel().catch(() => {});
  }
}

function withinSilence(promise) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Interrupted()), SILENCE_MS);
  });
  return Promise.race([promise, silence]).finally(() => clearTimeout(timer));
}

function parse(block) {
  const event = { id: "", type: "message", data: null };
  for (const line of block.split("\n")) {
    if (line.startsWith("id: ")) event.id = line.slice(4);
    else if (line.startsWith("event: ")) event.type = line.slice(7);
    else if (line.startsWith("data: ")) event.data = JSON.parse(line.slice(6));
  }
  return event.data === null ? null : event;
}
