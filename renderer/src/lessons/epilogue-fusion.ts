import { applied, defineLesson } from "./lesson.ts";

export const epilogueFusion = defineLesson({
  id: "epilogue-fusion",
  example: "digits/digits.onnx",
  minutes: 3,
  steps: [
    { kind: "read", id: "start" },
    { kind: "do", id: "run", target: "run-all", done: ({ model }) => applied(model, "epilogue-fusion") >= 1 },
    { kind: "predict", id: "memory", answer: 1 },
    { kind: "do", id: "select", target: "graph-panel", done: async ({ selected }) => (await selected())?.kind === "fused" },
    { kind: "do", id: "lineage", target: "inspector-lineage", done: ({ model }) => model.selected.length > 0 },
    { kind: "predict", id: "flops", answer: 2 },
  ],
  texts: {
    en: {
      title: "Epilogue fusion",
      summary: "The same arithmetic with half of the memory traffic.",
      steps: {
        start: { text: "A Relu reads every number that a Conv wrote, changes it and writes it again. Done while the number is still in a register, it costs nothing." },
        run: { text: "In the **Pipeline** tab press **Run all**. The last pass, “Fuse epilogues”, groups convolutions with what follows." },
        memory: { text: "Fusing Conv and Relu removes one intermediate tensor. What does that change?", choices: ["The number of FLOPs", "Bytes written and read, and often the peak of memory", "The size of the weights"], reveal: "Compare **Peak** at the bottom: the tensor between the two is never in memory." },
        select: { text: "Select a fused group in the graph: a card like **Conv + Relu**. `Enter` opens it and shows the body." },
        lineage: { text: "Press `H` for its lineage: it says which nodes of the imported model it came from.", reveal: "Conv, BatchNormalization and Relu of the original: three nodes and four constants became one kernel." },
        flops: { text: "FLOPs changed by about one percent only. Was it worth it?", choices: ["No: FLOPs are time", "Only on GPUs", "Yes: small networks wait for memory, not for arithmetic"], reveal: "An elementwise operator does one operation for eight bytes moved. Caches and wires set its speed, so saving the trip is what counts." },
      },
    },
    "zh-CN": {
      title: "尾部融合",
      summary: "同样的运算，一半的内存流量。",
      steps: {
        start: { text: "Relu 读入 Conv 写出的每个数，改变它，再写回去。若趁这个数还在寄存器里就做，几乎没有代价。" },
        run: { text: "在**流水线**标签中按**全部运行**。最后一遍“融合尾部”把卷积与其后的算子组合起来。" },
        memory: { text: "融合 Conv 与 Relu 会去掉一个中间张量。这改变了什么？", choices: ["FLOPs 的数量", "读写的字节数，往往还有内存峰值", "权重的大小"], reveal: "比较底部的**峰值**：两者之间的张量不再出现在内存中。" },
        select: { text: "在图中选择一个融合组：像 **Conv + Relu** 这样的卡片。按 `Enter` 可进入它的内部。" },
        lineage: { text: "按 `H` 查看它的来源：它来自导入模型的哪些节点。", reveal: "原来的 Conv、BatchNormalization 和 Relu：三个节点和四个常量成了一个内核。" },
        flops: { text: "FLOPs 只变化了约百分之一。值得吗？", choices: ["不值得：FLOPs 就是时间", "只在 GPU 上值得", "值得：小网络等的是内存，不是运算"], reveal: "逐元素算子每搬动八个字节只做一次运算。决定它速度的是缓存和线路，省下这一趟才是关键。" },
      },
    },
  },
});
