import { get } from "./api.js";
import * as brush from "./brush.js";
import * as desk from "./desk.js";
import { $, attempt, show } from "./dom.js";
import * as edit from "./edit.js";
import * as facts from "./facts.js";
import * as generate from "./generate.js";
import * as jobs from "./jobs.js";
import { introduce } from "./models.js";
import { learn } from "./problems.js";
import * as settings from "./settings.js";
import * as source from "./source.js";
import * as stage from "./stage.js";
import * as words from "./words.js";

async function arrive() {
  const [imageId, jobId] = desk.place();
  await attempt(async () => (imageId ? desk.open(imageId, jobId) : desk.leave()));
}

async function start() {
  stage.enable();
  const [methods, models] = await Promise.all([get("/methods"), get("/models")]);
  learn(methods);
  facts.learn(methods);
  introduce(models);
  settings.serve(models);
  brush.enable(() => {
    words.paint();
    edit.changed();
  }, (on) => {
    stage.paint(on);
    if (on) stage.reveal();
    words.paint();
  });
  edit.enable(methods, desk.accepted);
  source.enable(methods, {
    leave: () => desk.isOpen() && desk.leave(),
    drafted: (anew) => {
      show("paint", false);
      edit.describe(source.draft(), { anew });
    },
    accepted: (answer) => {
      edit.arriving(answer.image_id);
      location.hash = answer.image_id;
    },
    complete: (target) => {
      edit.write(target);
      edit.submit();
    },
  });
  source.serve(models);
  generate.enable((answer) => (location.hash = answer.image_id));
  for (const link of [$("home"), $("another")]) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      desk.leave();
    });
  }
  $("delete").addEventListener("click", desk.remove);
  $("differently").addEventListener("click", desk.differently);
  jobs.listen(desk.heard, desk.over);
  window.addEventListener("hashchange", arrive);
  if (desk.place()[0]) return arrive();
  desk.home();
  await source.catchUp();
}

attempt(start);
