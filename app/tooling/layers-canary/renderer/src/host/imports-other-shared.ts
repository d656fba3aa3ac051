import { value } from "../../../app/shared/other.ts";
export const used = value;
