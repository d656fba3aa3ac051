import { createRoot } from "react-dom/client";
import "@fontsource-variable/inter";
import "@fontsource-variable/jetbrains-mono";
import "./design/tokens.css";
import "./design/base.css";
import "./design/controls.css";
import "./window/window.css";
import { applyTheme } from "./design/theme.ts";
import { createHost } from "./host/index.ts";
import { i18next, resolveLanguage } from "./i18n/index.ts";
import { loadPreferences, preferences } from "./state/preferences.ts";
import { setServices } from "./state/services.ts";
import { loadSettings } from "./state/settings.ts";
import { startWindow } from "./state/start.ts";
import { useStore } from "./state/store.ts";
import { Window } from "./window/window.tsx";
import { startCompiler } from "./worker/client.ts";

const host = createHost();
setServices({ session: startCompiler(), host });
// One request to our own host: the page appears in the person's colours and language, and does not change under the eye.
await loadPreferences(host.kept);
const settings = loadSettings(preferences);
useStore.setState({ settings });
applyTheme(settings.theme);
void i18next.changeLanguage(resolveLanguage(settings.language, navigator.languages));
createRoot(document.getElementById("root")!).render(<Window />);
void startWindow();
