import { applied, defineLesson } from "./lesson.ts";

export const foldBatchNorm = defineLesson({
  id: "fold-batch-norm",
  example: "digits/digits.onnx",
  minutes: 4,
  steps: [
    { kind: "read", id: "start" },
    { kind: "do", id: "select", target: "graph-panel", done: async ({ selected }) => (await selected())?.op === "BatchNormalization" },
    { kind: "predict", id: "nodes", answer: 1 },
    { kind: "do", id: "fold", target: "inspector-why", done: ({ model }) => applied(model, "batch-norm-into-conv") >= 1 },
    { kind: "do", id: "text", target: "tab-text", done: ({ state }) => state.view.lower === "text" && state.view.showLower },
    { kind: "predict", id: "numbers", answer: 1 },
    { kind: "do", id: "verify", target: "verify", done: ({ model }) => model.verification !== null && model.verification.to === model.b },
    { kind: "do", id: "undo", target: "undo", done: ({ model }) => model.timeline.branch.indexOf(model.b) === 0 && model.timeline.branch.length > 1 },
  ],
  texts: {
    en: {
      title: "Fold a BatchNormalization by hand",
      summary: "Why inference does not need it, and what changes when it goes.",
      steps: {
        start: { text: "In inference, a BatchNormalization multiplies each channel by a constant and adds a constant. A Conv before it is linear: scaling its weights does the same. So the two can be **one** operator. Let us do it once by hand." },
        select: { text: "Select a `BatchNormalization` in the graph: click one, or press `/` and type its name. The arrow keys follow the edges.", reveal: "The inspector on the right now shows its attributes and its five inputs: the value, and four constants with one number for each channel." },
        nodes: { text: "The model has 40 nodes. How many will there be after folding this one?", choices: ["40: its numbers only move", "39: the BatchNormalization goes", "38: Conv and BatchNormalization go, nothing is new"], reveal: "39. The Conv stays, with other weights and a bias; the BatchNormalization goes." },
        fold: { text: "In the inspector, under **Why not here?**, every condition of “BatchNormalization into Conv” holds. Press **Apply** beside it.", reveal: "Green is new, red is gone. The Conv is marked too: it has new weights, so it is a new node that came from both." },
        text: { text: "Open the **Text** tab below. It compares the two steps as text.", reveal: "The scale and the shift were computed into the Conv's weight and bias. The running mean and variance are used nowhere any more, so they went too." },
        numbers: { text: "Are the outputs still the same bits?", choices: ["Yes, bit for bit", "Equal up to rounding: the operations happen in another order", "No, folding is an approximation"], reveal: "Up to rounding. (w·x)·s and (w·s)·x are the same number in mathematics; with float32 they may differ in the last bit." },
        verify: { text: "Do not take our word for it: press **Verify** at the top. It runs both models on the same inputs.", reveal: "The verdict says how large the largest difference is, and on how many input sets." },
        undo: { text: "Press `Ctrl+Z`. Nothing is lost: the step stays on the timeline, and redo brings it back.", reveal: "You have applied, compared, verified and undone a rewrite. A pass does the same at every place." },
      },
    },
    "zh-CN": {
      title: "亲手折叠一个 BatchNormalization",
      summary: "推理时为何不需要它，去掉它又改变了什么。",
      steps: {
        start: { text: "推理时，BatchNormalization 只是让每个通道乘以一个常数再加一个常数。它前面的 Conv 是线性的：缩放卷积的权重效果相同。所以两者可以合为**一个**算子。我们先亲手做一次。" },
        select: { text: "在图中选择一个 `BatchNormalization`：单击它，或按 `/` 输入名称。方向键沿着边移动。", reveal: "右侧的检查器显示它的属性和五个输入：一个值，以及四个常量，每个通道各有一个数。" },
        nodes: { text: "模型有 40 个节点。折叠这一个之后会有多少个？", choices: ["40 个：数值只是换了位置", "39 个：BatchNormalization 消失", "38 个：Conv 与 BatchNormalization 都消失，没有新节点"], reveal: "39 个。Conv 留下，换了权重并有了偏置；BatchNormalization 消失。" },
        fold: { text: "在检查器的**此处为何不适用？**下，“BatchNormalization 并入 Conv”的每个条件都成立。按它旁边的**应用**。", reveal: "绿色是新增，红色是移除。Conv 也有标记：它有了新权重，是由两者而来的新节点。" },
        text: { text: "打开下方的**文本**标签，它以文本比较这两步。", reveal: "缩放与平移已算进 Conv 的权重和偏置。running mean 与 variance 不再被使用，因此也消失了。" },
        numbers: { text: "输出的每一位仍然相同吗？", choices: ["相同，逐位一致", "除舍入外相等：运算顺序变了", "不同，折叠是近似"], reveal: "除舍入外相等。(w·x)·s 与 (w·s)·x 在数学上是同一个数；用 float32 计算时最后一位可能不同。" },
        verify: { text: "不必只听我们说：按顶部的**验证**。它让两个模型在相同的输入上运行。", reveal: "结论会说明最大差异有多大，以及试了多少组输入。" },
        undo: { text: "按 `Ctrl+Z`。什么也没有丢：这一步仍在时间线上，恢复即可找回。", reveal: "你已经应用、比较、验证并撤销了一次重写。优化遍就是在每一处这样做。" },
      },
    },
  },
});
