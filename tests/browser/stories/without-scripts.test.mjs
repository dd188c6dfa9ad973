// Every page reads and acts as plain HTML.

import { story } from "../harness/story.mjs";
import { until } from "../harness/waiting.mjs";

const ECHO = ["/bin/sh", "-c", 'echo ready; while read l; do echo "got $l"; done'];

story(
  "the same job is done without JavaScript",
  async ({ visitor }) => {
    await visitor.setUp();
    await visitor.go("/nodes");
    await visitor.sees(/online/i);

    await visitor.createServer("plain", ECHO);
    await visitor.act("start");
    const reloadUntil = (what, pattern) =>
      until(what, async () => {
        await visitor.page.reload();
        return (await visitor.consoleLines()).some((line) => pattern.test(line));
      });
    await reloadUntil("the first line", /^ready$/);
    await visitor.send("hello");
    await reloadUntil("the answer", /^got hello$/);
    await visitor.look("without-scripts-server");

    await visitor.act("stop");
    await until("the stop", async () => {
      await visitor.page.reload();
      return (await visitor.page.locator('[data-live="server"]').getByText(/stopped/i).count()) > 0;
    });
    await visitor.go("/audit");
    await visitor.sees("server.stop");
  },
  { scripts: false },
);
