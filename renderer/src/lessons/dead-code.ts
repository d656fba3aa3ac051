import { applied, defineLesson } from "./lesson.ts";

export const deadCode = defineLesson({
  id: "dead-code",
  example: "digits/digits.onnx",
  minutes: 2,
  steps: [
    { kind: "read", id: "start" },
    { kind: "do", id: "select", target: "graph-panel", done: async ({ selected }) => (await selected())?.name.startsWith("/aux/") === true },
    { kind: "predict", id: "count", answer: 2 },
    { kind: "do", id: "apply", target: "inspector-why", done: ({ model }) => applied(model, "dead-code-elimination") >= 1 },
    { kind: "predict", id: "parameters", answer: 0 },
  ],
  texts: {
    en: {
      title: "Dead code",
      summary: "What training left behind, and how one removal makes the next.",
      steps: {
        start: { text: "Training sometimes adds a second head that helps the gradients. After training nobody reads it, yet an export may keep it." },
        select: { text: "Press `/`, type `aux` and choose the `Gemm` that is found. In the inspector, its output has no users." },
        count: { text: "Nothing uses this Gemm. How many **nodes** will go when it is removed?", choices: ["1: this one", "2: this one and the node before", "All that only it used: Flatten and the pooling too"], reveal: "A node is dead when nothing uses it. With the Gemm gone, the Flatten has no user, then the pooling. The walk goes on until it meets a node that something else uses." },
        apply: { text: "Apply **Dead code elimination** in the inspector.", reveal: "One step removed the whole chain, and the constants that only it used." },
        parameters: { text: "Look at the cost strip at the bottom. Which cost changed the least?", choices: ["FLOPs: the head was tiny next to the convolutions", "Nodes", "Weights"], reveal: "The auxiliary head worked on 32 numbers an image. It cost little to run, but it had to be shipped." },
      },
    },
    "zh-CN": {
      title: "死代码",
      summary: "训练留下了什么，移除一个又如何带出下一个。",
      steps: {
        start: { text: "训练时有时会加上第二个输出头来帮助梯度。训练之后没有人读取它，但导出的文件可能还留着它。" },
        select: { text: "按 `/`，输入 `aux`，选择找到的 `Gemm`。在检查器中可以看到，它的输出没有使用者。" },
        count: { text: "没有节点使用这个 Gemm。移除它时会消失多少个**节点**？", choices: ["1 个：只有它", "2 个：它和它前面的一个", "所有只被它使用的节点：还有 Flatten 和池化"], reveal: "没有使用者的节点就是死的。Gemm 消失后，Flatten 没有了使用者，接着是池化。这样一直走到仍被其他节点使用的地方。" },
        apply: { text: "在检查器中应用**死代码消除**。", reveal: "一步就移除了整条链，以及只被它使用的常量。" },
        parameters: { text: "看底部的开销条。哪一项变化最小？", choices: ["FLOPs：与卷积相比这个输出头很小", "节点数", "权重"], reveal: "辅助输出头每张图只处理 32 个数。运行它花费很少，但它必须随模型一起发布。" },
      },
    },
  },
});
