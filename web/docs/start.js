// The page of /api/docs/: swagger-ui on this server's own document, and nothing from another host.
"use strict";

window.addEventListener("load", () => {
    window.ui = SwaggerUIBundle({
        url: "/api/schema/?format=json",
        dom_id: "#page",
        validatorUrl: null, // else it asks a host of its makers
        deepLinking: true,
        docExpansion: "list",
        defaultModelsExpandDepth: 0,
        filter: true,
        showExtensions: true,
        persistAuthorization: false,
        presets: [SwaggerUIBundle.presets.apis],
        layout: "BaseLayout",
    });
});
