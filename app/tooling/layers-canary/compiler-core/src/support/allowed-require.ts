const require = (name: string): string => name;
export const used = require("not-a-module");
