export { judge, quantile } from "./judge.ts";
export { type Layer, layerKey, layersOf, ruleDigest, type TuningPlace } from "./layer.ts";
export { compileFlags, type CRunner, isaOf, isaProbe, machineOf, peakProbe, type Toolchain, type TuningMachine } from "./machine.ts";
export { chooserOf, evidenceOf, type MeasuredVariant, readRecord, recordText, type TuningEntry } from "./record.ts";
export { type TuningLayer, type TuningSteps, tuningSteps } from "./steps.ts";
export { type Measurement, readMeasurement, trialSource } from "./trial.ts";
export { probeMachine, refuseWrong, tune, type TuneOptions, type TuneProgress, type TuneResult } from "./tune.ts";
export { type Variant, type Variants, variantsOf } from "./variants.ts";
