import type { CliCommand } from "../command.ts";
import { backendTest } from "./backend-test.ts";
import { bisect } from "./bisect.ts";
import { build } from "./build.ts";
import { diff } from "./diff.ts";
import { explain } from "./explain.ts";
import { inspect } from "./inspect.ts";
import { open } from "./open.ts";
import { ops } from "./ops.ts";
import { optimize } from "./optimize.ts";
import { passes } from "./passes.ts";
import { profile } from "./profile.ts";
import { program } from "./program.ts";
import { recipe } from "./recipe.ts";
import { render } from "./render.ts";
import { run } from "./run.ts";
import { tune } from "./tune.ts";
import { verify } from "./verify.ts";

/** Every subcommand, in the order of the help. */
export const commands: readonly CliCommand[] = [inspect, passes, ops, optimize, explain, recipe, bisect, run, profile, tune, program, verify, diff, render, backendTest, build, open];
