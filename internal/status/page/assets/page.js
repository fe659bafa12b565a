// Renews what has changed on the page, so that scroll, focus, selection and what was typed
// stay. Without this script the page loads itself again.
'use strict';
(() => {
	const every = 1000 * Number(document.body.dataset.refresh);
	if (!every) return;
	const here = new URL(location.href);
	here.username = here.password = ''; // with which nothing can be fetched; the browser knows them
	const trouble = document.getElementById('trouble');
	const whys = {
		401: 'lighterman wants to know again who asks: load the page anew', 403: 'this is not shown any more',
		404: 'this is not there any more', 429: 'too many ask', 503: 'too many pages are being read',
	};
	let under = false;
	let last = Date.now();

	// keyOf finds an element again in what replaces it.
	const keyOf = e => e.id ? '#' + CSS.escape(e.id) : e.getAttribute('href') ? `a[href="${CSS.escape(e.getAttribute('href'))}"]` : e.getAttribute('aria-label') ? `[aria-label="${CSS.escape(e.getAttribute('aria-label'))}"]` : '';

	function replace(now, then) {
		if (now.isEqualNode(then)) return;
		const selection = getSelection();
		if (!selection.isCollapsed && now.contains(selection.anchorNode)) return;
		const focused = now.contains(document.activeElement) ? keyOf(document.activeElement) : '';
		const scrolled = [...now.querySelectorAll('.scroll, .lines, .settings')].map(e => [e.scrollLeft, e.scrollTop]);
		now.replaceWith(document.adoptNode(then));
		then.querySelectorAll('.scroll, .lines, .settings').forEach((e, i) => {
			if (scrolled[i]) [e.scrollLeft, e.scrollTop] = scrolled[i];
		});
		if (focused) then.querySelector(focused)?.focus({preventScroll: true});
	}

	async function renew() {
		if (under || document.hidden) return;
		under = true;
		let why = 'lighterman does not answer';
		try {
			const answer = await fetch(here, {headers: {Accept: 'text/html'}});
			why = whys[answer.status] ?? `lighterman answers ${answer.status}`;
			if (!answer.ok) throw new Error(why);
			const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
			for (const now of document.querySelectorAll('[data-live]')) {
				const then = next.getElementById(now.id);
				if (then) replace(now, then);
			}
			last = Date.now();
			trouble.textContent = '';
		} catch {
			trouble.textContent = `${why}; this is what it said ${Math.round((Date.now() - last) / 1000)} seconds ago.`;
		}
		under = false;
	}

	setInterval(renew, every);
	document.addEventListener('visibilitychange', renew);
})();
