/** The compiler's version, written into bundles and exported models; a test keeps it equal to package.json. */
export const compilerVersion = "0.1.0";
