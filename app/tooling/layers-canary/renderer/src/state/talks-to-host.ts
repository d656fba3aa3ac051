import { value } from "../../../app/shared/host-client.ts";
export const used = value;
