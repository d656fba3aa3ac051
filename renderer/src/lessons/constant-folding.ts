import { applied, defineLesson } from "./lesson.ts";

export const constantFolding = defineLesson({
  id: "constant-folding",
  example: "digits/digits.onnx",
  minutes: 3,
  steps: [
    { kind: "read", id: "start" },
    { kind: "do", id: "open", target: "tab-rewrites", done: ({ state }) => state.view.left === "rewrites" && state.view.showLeft },
    { kind: "predict", id: "places", answer: 1 },
    { kind: "do", id: "apply", target: "rewrites-panel", done: ({ model }) => applied(model, "constant-folding") >= 1 },
    { kind: "predict", id: "budget", answer: 2 },
    { kind: "do", id: "all", target: "rewrites-panel", done: ({ model }) => applied(model, "constant-folding") >= 3 },
  ],
  texts: {
    en: {
      title: "Constant folding and its budget",
      summary: "Computing early saves work, unless the result is larger than what made it.",
      steps: {
        start: { text: "A node whose inputs are all constants gives the same output every time. It can be computed once, now, and its result kept." },
        open: { text: "Open the **Rewrites** tab on the left (`Alt+2`) and then the row **Constant folding**." },
        places: { text: "It applies at three places in this model. What do they have in common?", choices: ["They are the cheapest nodes", "Only weights go into them, no part of the image", "They stand at the end of the graph"], reveal: "Two reshape a scale and a shift, one multiplies a weight matrix by a number. None of them depends on the image." },
        apply: { text: "Apply it at the first place.", reveal: "The Reshape is gone, its result is a constant. In the row's conditions you can read “within budget: the constants shrink by …”." },
        budget: { text: "Imagine an Expand that repeats one number a million times. Fold it?", choices: ["Yes, folding is always good", "Only if it is at the start of the graph", "No: the file would grow by 4 MB to save a copy"], reveal: "That is what the budget is for: a fold that makes the constants grow by more than 65.5 kB is refused, with the numbers in the reason." },
        all: { text: "Apply the rest: **Apply everywhere**.", reveal: "Three nodes less, and the weights became smaller by a few bytes." },
      },
    },
    "zh-CN": {
      title: "常量折叠与它的预算",
      summary: "提前计算可以省事，除非结果比得出它的东西还大。",
      steps: {
        start: { text: "如果一个节点的输入全是常量，它每次的输出都相同。可以现在就算一次，把结果留下。" },
        open: { text: "打开左侧的**重写**标签（`Alt+2`），再展开**常量折叠**一行。" },
        places: { text: "它在此模型中有三处适用。这三处有什么共同点？", choices: ["它们是最便宜的节点", "只有权重进入它们，与图像无关", "它们在图的末尾"], reveal: "两处改变缩放与平移的形状，一处让权重矩阵乘以一个数。它们都不依赖图像。" },
        apply: { text: "在第一处应用它。", reveal: "Reshape 消失了，它的结果成为常量。在该行的条件中可以读到“在预算之内：常量减少了……”。" },
        budget: { text: "设想一个 Expand 把一个数重复一百万次。要折叠吗？", choices: ["要，折叠总是好的", "只有在图的开头才要", "不要：为省一次复制，文件会增大 4 MB"], reveal: "预算正是为此：会使常量增大超过 65.5 kB 的折叠会被拒绝，理由中写明数字。" },
        all: { text: "应用其余各处：**全部应用**。", reveal: "少了三个节点，权重也小了几个字节。" },
      },
    },
  },
});
