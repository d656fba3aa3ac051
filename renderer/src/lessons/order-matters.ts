import { applied, defineLesson, nodesNow } from "./lesson.ts";

export const orderMatters = defineLesson({
  id: "order-matters",
  example: "digits/digits.onnx",
  minutes: 5,
  steps: [
    { kind: "read", id: "start" },
    { kind: "do", id: "open", target: "tab-rewrites", done: ({ state }) => state.view.left === "rewrites" && state.view.showLeft },
    { kind: "predict", id: "fuse-first", answer: 0 },
    { kind: "do", id: "fold", target: "rewrites-panel", done: ({ model }) => applied(model, "batch-norm-into-conv") >= 6 },
    { kind: "predict", id: "scale", answer: 1 },
    { kind: "do", id: "constants", target: "rewrites-panel", done: ({ model }) => applied(model, "constant-folding") >= 2 },
    { kind: "do", id: "affine", target: "rewrites-panel", done: ({ model }) => applied(model, "affine-into-conv") >= 2 },
    { kind: "do", id: "fuse", target: "rewrites-panel", done: ({ model }) => applied(model, "epilogue-fusion") >= 1 },
    { kind: "do", id: "pipeline", target: "run-all", done: ({ model }) => nodesNow(model) <= 15 },
  ],
  texts: {
    en: {
      title: "Order matters",
      summary: "Some rewrites make room for others, and some take it away.",
      steps: {
        start: { text: "A compiler runs many small rewrites. Each is simple; the art is their order. This model has a good example: Conv, BatchNormalization, a scale and a shift, then Relu." },
        open: { text: "Open the **Rewrites** tab on the left (`Alt+2`). The number on the right says at how many places each rewrite applies now." },
        "fuse-first": { text: "At how many places can **Epilogue fusion** (Conv with the Relu after it) be applied at this step?", choices: ["At none", "At all six Convs", "At three"], reveal: "None: between every Conv and its Relu stands a BatchNormalization." },
        fold: { text: "Make room: open **BatchNormalization into Conv** and apply it everywhere.", reveal: "Six nodes went. Look at the count beside Epilogue fusion now." },
        scale: { text: "After `/conv2/conv` a multiplication and an addition with constants are left. Why does **Multiply and add into Conv** not take them?", choices: ["They are too small to pay", "Their factors come out of a Reshape and are no constants yet", "The Conv has a bias already"], reveal: "The scale and the shift are weights that a Reshape brings into shape. To the pattern they are results, not constants." },
        constants: { text: "Apply **Constant folding** everywhere: the Reshapes become constants." },
        affine: { text: "Now apply **Multiply and add into Conv** everywhere.", reveal: "Two nodes more are part of the Conv. Folding made room for folding." },
        fuse: { text: "Last, apply **Epilogue fusion**. Had it come first, its groups would stand in the way of every fold." },
        pipeline: { text: "In the **Pipeline** tab, press **Run all**: it runs the passes in this order, again and again until nothing changes, and fuses last.", reveal: "15 nodes or fewer, from 40. The pipeline can be reordered: switch passes off and see what it costs." },
      },
    },
    "zh-CN": {
      title: "顺序很重要",
      summary: "有些重写为别的重写让出位置，有些则占去位置。",
      steps: {
        start: { text: "编译器运行许多小的重写。每个都很简单，难在它们的顺序。这个模型有个好例子：Conv、BatchNormalization、一次缩放与一次平移，然后是 Relu。" },
        open: { text: "打开左侧的**重写**标签（`Alt+2`）。右边的数字说明每个重写现在有几处适用。" },
        "fuse-first": { text: "在这一步，**尾部融合**（Conv 与其后的 Relu）有几处适用？", choices: ["没有", "全部六个 Conv", "三处"], reveal: "没有：每个 Conv 与它的 Relu 之间都隔着一个 BatchNormalization。" },
        fold: { text: "先让出位置：展开 **BatchNormalization 并入 Conv** 并全部应用。", reveal: "六个节点消失了。再看尾部融合旁边的数字。" },
        scale: { text: "`/conv2/conv` 之后还剩与常量的一次乘法和一次加法。**乘加并入 Conv** 为何不接受它们？", choices: ["它们太小，不值得", "它们的因子来自 Reshape，还不是常量", "这个 Conv 已有偏置"], reveal: "缩放与平移是权重，由 Reshape 变成所需形状。对模式而言它们是结果，不是常量。" },
        constants: { text: "全部应用**常量折叠**：Reshape 变成常量。" },
        affine: { text: "现在全部应用**乘加并入 Conv**。", reveal: "又有两个节点并入了 Conv。折叠为折叠让出了位置。" },
        fuse: { text: "最后应用**尾部融合**。若它先来，它的分组会挡住每一次折叠。" },
        pipeline: { text: "在**流水线**标签中按**全部运行**：它按这个顺序反复运行各遍，直到不再变化，最后才融合。", reveal: "从 40 个节点到 15 个以内。流水线可以重排：关掉几遍，看看代价是什么。" },
      },
    },
  },
});
