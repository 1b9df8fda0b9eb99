/* Shows the interface of this installation. The session of the browser signs requests that are tried out here. */
window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#interface",
  deepLinking: true,
  tryItOutEnabled: false,
  validatorUrl: null,
});
