import { Image, Pencil, Upload, X } from "lucide-react";
import { useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../design/button.tsx";
import { Name } from "../../design/name.tsx";
import { SelectBox } from "../../design/select-box.tsx";
import { loadInputFile, loadInputUrl, type GivenInput } from "../../state/run-model.ts";
import { useStore, type ModelState } from "../../state/store.ts";
import { DrawPad } from "./draw-pad.tsx";
import { ImageDialog } from "./image-dialog.tsx";
import { pictureShape } from "./image-input.ts";

interface InputRowProps {
  readonly model: ModelState;
  readonly name: string;
  readonly type: string;
  readonly given: GivenInput | undefined;
  readonly onGive: (input: GivenInput | undefined) => void;
}

/** A picture this small can be drawn by hand. */
const drawable = 96;

/** Where an input's value comes from: the seed, a sample of the example, a file, a picture, or a drawing. */
export function InputRow({ model, name, type, given, onGive }: InputRowProps): ReactNode {
  const { t } = useTranslation();
  const file = useRef<HTMLInputElement>(null);
  const image = useRef<HTMLInputElement>(null);
  const [picture, setPicture] = useState<File>();
  const [drawing, setDrawing] = useState(false);
  const examples = useStore((state) => state.examples);
  const samples = examples?.find((example) => example.models.some((each) => each.id === model.file.id))?.files.filter((each) => /\.npy$/i.test(each.name)) ?? [];
  const shape = pictureShape(type);
  const give = async (loading: Promise<GivenInput | undefined>): Promise<void> => {
    const input = await loading;
    if (input) onGive(input);
  };
  return (
    <div className="values-input" data-testid="input-row" data-name={name}>
      <div className="values-input-line">
        <Name mono>{name}</Name>
        <span className="faint mono values-type" title={type}>{given ? `${given.label}${given.dims ? ` [${given.dims.join(", ")}]` : ""}` : type}</span>
        {given && <IconButton label={t("values.use-random")} className="small" type="button" onClick={() => onGive(undefined)}><X size={13} /></IconButton>}
        {shape && shape.channels === 1 && Math.max(shape.height, shape.width) <= drawable && (
          <IconButton label={t("values.draw")} className="small" type="button" pressed={drawing} onClick={() => setDrawing(!drawing)} data-testid="draw-input"><Pencil size={13} /></IconButton>
        )}
        {shape && <IconButton label={t("values.load-image")} className="small" type="button" onClick={() => image.current?.click()} data-testid="image-input"><Image size={13} /></IconButton>}
        <IconButton label={t("values.load")} className="small" type="button" onClick={() => file.current?.click()} data-testid="file-input"><Upload size={13} /></IconButton>
      </div>
      {samples.length > 0 && !drawing && (
        <SelectBox
          small
          label={t("values.sample", { name })}
          value={samples.find((each) => each.name === given?.label)?.name ?? "random"}
          options={[{ value: "random", label: given && !samples.some((each) => each.name === given.label) ? given.label : t("values.random") }, ...samples.map((each) => ({ value: each.name, label: each.name }))]}
          onChange={(choice) => (choice === "random" ? onGive(undefined) : void give(loadInputUrl(model.id, samples.find((each) => each.name === choice)!)))}
          testId="sample-select"
        />
      )}
      {drawing && shape && <DrawPad shape={shape} onDraw={onGive} />}
      <input ref={file} type="file" accept=".npy,.pb" hidden data-testid="tensor-file" onChange={(event) => { const chosen = event.target.files?.[0]; event.target.value = ""; if (chosen) void give(loadInputFile(model.id, chosen)); }} />
      <input ref={image} type="file" accept="image/*" hidden data-testid="image-file" onChange={(event) => { setPicture(event.target.files?.[0]); event.target.value = ""; }} />
      {picture && shape && <ImageDialog file={picture} shape={shape} name={name} onClose={() => setPicture(undefined)} onGive={(input) => { setPicture(undefined); onGive(input); }} />}
    </div>
  );
}
