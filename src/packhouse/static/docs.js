// Deferred scripts run in order, with the page read: Swagger UI is there by now.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  validatorUrl: null, // else the document would be shown to a validator on another host
});
