const form = document.getElementById("login");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await fetch("/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token: form.token.value }),
  }).catch(() => null);
  if (answer?.ok) location.replace("/");
  else document.getElementById("wrong").textContent = answer ? "That is not the token." : "The service does not answer.";
});
