import { applied, defineLesson } from "./lesson.ts";

export const whyNotHere = defineLesson({
  id: "why-not-here",
  example: "digits/digits.onnx",
  minutes: 3,
  steps: [
    { kind: "read", id: "start" },
    { kind: "do", id: "select", target: "graph-panel", done: async ({ selected }) => (await selected())?.name.includes("/stem/conv") === true },
    { kind: "predict", id: "why", answer: 2 },
    { kind: "do", id: "bn", target: "graph-panel", done: async ({ selected }) => (await selected())?.name.includes("/stem/bn") === true },
    { kind: "do", id: "fold", target: "inspector-why", done: ({ model }) => model.timeline.branch.some((id) => model.timeline.steps[id]?.site.startsWith("/stem/bn") && model.timeline.steps[id]?.rewrite === "batch-norm-into-conv") },
    { kind: "do", id: "fuse", target: "inspector-why", done: ({ model }) => applied(model, "epilogue-fusion") >= 1 },
  ],
  texts: {
    en: {
      title: "Why not here?",
      summary: "Every rewrite says which of its conditions does not hold, and which value decided it.",
      steps: {
        start: { text: "Optimizers usually fall silent where they do nothing. Here each rewrite lists its conditions, and the code that decides is the code that answers." },
        select: { text: "Find the first convolution: press `/`, type `stem/conv` and press `Enter`.", reveal: "Look at **Why not here?** in the inspector. “Epilogue fusion” would make Conv and Relu one kernel, and it does not apply." },
        why: { text: "What stands in its way?", choices: ["The Conv has no bias", "The Conv's output is used twice", "Something that is no epilogue comes next"], reveal: "The next node is a BatchNormalization, which is no epilogue. The Relu comes only after it." },
        bn: { text: "So the BatchNormalization has to go first. Select it: the `↓` key goes from the Conv to the node that uses it." },
        fold: { text: "Apply “BatchNormalization into Conv” here." },
        fuse: { text: "Select the new Conv and look again: now a Relu comes next. Apply **Epilogue fusion**.", reveal: "The condition that failed was about another rewrite's work. That is why the order of passes matters, which is another lesson." },
      },
    },
    "zh-CN": {
      title: "此处为何不适用？",
      summary: "每个重写都说明哪个条件不成立，以及是哪个值决定的。",
      steps: {
        start: { text: "优化器在什么也不做的地方通常一言不发。这里每个重写都列出它的条件，而且做决定的代码就是给出回答的代码。" },
        select: { text: "找到第一个卷积：按 `/`，输入 `stem/conv`，再按 `Enter`。", reveal: "看检查器中的**此处为何不适用？**。“尾部融合”会把 Conv 与 Relu 合成一个内核，而它此处不适用。" },
        why: { text: "是什么挡住了它？", choices: ["Conv 没有偏置", "Conv 的输出被使用了两次", "紧随其后的不是可融合的尾部算子"], reveal: "下一个节点是 BatchNormalization，它不是可融合的尾部算子。Relu 在它之后。" },
        bn: { text: "所以要先去掉 BatchNormalization。选择它：按 `↓` 键从 Conv 走到使用它的节点。" },
        fold: { text: "在此处应用“BatchNormalization 并入 Conv”。" },
        fuse: { text: "选择新的 Conv 再看：现在紧随其后的是 Relu。应用**尾部融合**。", reveal: "先前不成立的条件取决于另一个重写的工作。因此优化遍的顺序很重要，那是另一课。" },
      },
    },
  },
});
