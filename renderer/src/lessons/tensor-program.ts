import { defineLesson } from "./lesson.ts";

export const tensorProgram = defineLesson({
  id: "tensor-program",
  example: "digits/digits.onnx",
  minutes: 4,
  steps: [
    { kind: "read", id: "start" },
    { kind: "do", id: "select", target: "graph-panel", done: async ({ selected }) => (await selected())?.op === "Conv" },
    { kind: "do", id: "open", target: "tab-program", done: ({ state }) => state.view.lower === "program" && state.view.showLower },
    { kind: "predict", id: "loops", answer: 2 },
    { kind: "predict", id: "padding", answer: 1 },
    { kind: "do", id: "pool", target: "graph-panel", done: async ({ selected }) => (await selected())?.op === "MaxPool" },
  ],
  texts: {
    en: {
      title: "The tensor program of a convolution",
      summary: "From one operator to loops, and from loops to C.",
      steps: {
        start: { text: "Below the graph there are no operators any more, only loops over arrays. Graphwright shows both the loops and the C that is made of them, line beside line." },
        select: { text: "Select a `Conv`: press `/` and type `block1/conv1`." },
        open: { text: "Open the **Program | C** tab (`Alt+4`)." },
        loops: { text: "A two-dimensional convolution in its plainest form: how many loops are nested?", choices: ["4: batch, channel, row, column", "5: and the input channels", "7: and the rows and columns of the kernel"], reveal: "Seven: four over the output, three that sum up: input channel, kernel row, kernel column." },
        padding: { text: "Where does the padding of the Conv show in the program?", choices: ["Nowhere: padded zeros are stored in the input", "As a condition: outside of the image, zero is taken", "As a separate loop that copies"], reveal: "Reading outside gives zero. Whether that is a condition in the innermost loop or a border that is split off is the schedule's business." },
        pool: { text: "Select a `MaxPool` and compare its program with that of the Conv.", reveal: "The same nest without the weights: it takes a maximum where the Conv adds a product. What an operator is, to the machine, is its innermost line." },
      },
    },
    "zh-CN": {
      title: "卷积的张量程序",
      summary: "从一个算子到循环，再从循环到 C。",
      steps: {
        start: { text: "在图之下不再有算子，只有对数组的循环。Graphwright 并排显示这些循环和由它们生成的 C，逐行对应。" },
        select: { text: "选择一个 `Conv`：按 `/` 并输入 `block1/conv1`。" },
        open: { text: "打开**程序 | C** 标签（`Alt+4`）。" },
        loops: { text: "二维卷积最朴素的形式嵌套几层循环？", choices: ["4 层：批、通道、行、列", "5 层：再加输入通道", "7 层：再加卷积核的行与列"], reveal: "七层：四层遍历输出，三层求和：输入通道、核的行、核的列。" },
        padding: { text: "Conv 的填充在程序中体现在哪里？", choices: ["没有体现：零已存入输入", "作为条件：图像之外取零", "作为单独的复制循环"], reveal: "读到图像之外得到零。它是最内层循环中的条件，还是单独分出的边界，由调度决定。" },
        pool: { text: "选择一个 `MaxPool`，把它的程序与 Conv 的比较。", reveal: "同样的嵌套，只是没有权重：Conv 累加乘积之处，它取最大值。对机器而言，算子是什么，就看最内层那一行。" },
      },
    },
  },
});
