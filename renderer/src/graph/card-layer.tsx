/**
 * The cards in view, on the plane that React Flow moves. They are not among React Flow's own nodes: those each watch its store and
 * are measured, which at every step of an optimization costs more than drawing them.
 */
import { memo, useLayoutEffect, useMemo, useRef, type CSSProperties, type MouseEvent, type ReactElement, type ReactNode } from "react";
import { CardContents, type Card } from "./cards.tsx";

export interface CardLayerProps {
  readonly cards: readonly Card[];
  /** Given the same functions each time, the layer is drawn again for other cards only. */
  readonly onClick: (event: MouseEvent, card: Card) => void;
  readonly onDoubleClick: (event: MouseEvent, card: Card) => void;
  readonly onContextMenu: (event: MouseEvent, card: Card) => void;
  readonly onHover: (card: Card | null) => void;
}

/** A card that stays the same object is the same element, which React passes over without a look inside. */
const elements = new WeakMap<Card, ReactElement>();

function elementOf(card: Card): ReactElement {
  let element = elements.get(card);
  if (element === undefined) {
    const { position, width, height, zIndex } = card;
    const style: CSSProperties = { zIndex, transform: `translate(${position.x}px,${position.y}px)`, width, height };
    element = (
      <div
        key={card.id}
        className={`react-flow__node react-flow__node-${card.type}${card.className === undefined ? "" : ` ${card.className}`}`}
        style={style}
        data-id={card.id}
        role="group"
        aria-label={card.label}
      >
        <CardContents card={card} />
      </div>
    );
    elements.set(card, element);
  }
  return element;
}

export const CardLayer = memo(function CardLayer({ cards, onClick, onDoubleClick, onContextMenu, onHover }: CardLayerProps): ReactNode {
  const latest = useRef(cards);
  useLayoutEffect(() => {
    latest.current = cards;
  });
  const handlers = useMemo(() => {
    /** The card that an event happened on. */
    const cardOf = (event: MouseEvent): Card | undefined => {
      const id = (event.target as Element).closest<HTMLElement>(".react-flow__node")?.dataset["id"];
      return id === undefined ? undefined : latest.current.find((card) => card.id === id);
    };
    const on = (handler: (event: MouseEvent, card: Card) => void) => (event: MouseEvent): void => {
      const card = cardOf(event);
      if (card) handler(event, card);
    };
    return {
      onClick: on(onClick),
      onDoubleClick: on(onDoubleClick),
      onContextMenu: on(onContextMenu),
      onMouseOver: on((_, card) => onHover(card)),
      onMouseLeave: () => onHover(null),
    };
  }, [onClick, onDoubleClick, onContextMenu, onHover]);
  return (
    <div className="react-flow__nodes" {...handlers}>
      {cards.map(elementOf)}
    </div>
  );
});
