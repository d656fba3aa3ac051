import { Component, type ReactNode } from "react";
import { Failed } from "../design/states.tsx";
import { i18next } from "../i18n/index.ts";

/** Keeps a panel that throws from taking the window with it. */
export class ErrorBoundary extends Component<{ readonly children: ReactNode }, { readonly error: unknown; readonly failed: boolean }> {
  override state = { error: undefined as unknown, failed: false };

  static getDerivedStateFromError(error: unknown): { error: unknown; failed: boolean } {
    return { error, failed: true };
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <div className="boundary">
        <Failed title={i18next.t("error.panel")} error={this.state.error} />
        <button type="button" className="button button-secondary" onClick={() => this.setState({ failed: false, error: undefined })}>
          {i18next.t("error.try-again")}
        </button>
      </div>
    );
  }
}
