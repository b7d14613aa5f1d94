// The drawings of the goods. They are of the page's own code, so they may be markup.

const table = `<path d="M-300 126h800v34h-800z" fill="var(--table)"/>`;
const shadow = (x, y, r) => `<ellipse cx="${x}" cy="${y}" rx="${r}" ry="5" fill="#000" opacity=".13"/>`;

const drawings = {
  "morning-mug": ["sand", `${table}${shadow(98, 131, 42)}
    <g fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" opacity=".65"><path d="M84 42c-7-8 6-12 0-21M104 42c-7-8 6-12 0-21"/></g>
    <path d="M132 68h9c20 0 20 36-2 36h-9" fill="none" stroke="#d9cbb6" stroke-width="9"/>
    <path d="M62 54h72v52c0 16-11 26-26 26H88c-15 0-26-10-26-26z" fill="#efe6d8"/>
    <path d="M62 98h72v8c0 16-11 26-26 26H88c-15 0-26-10-26-26z" fill="#b77c55"/>
    <path d="M118 54h16v52c0 16-11 26-26 26h-6c14-6 16-16 16-30z" fill="#000" opacity=".07"/>
    <ellipse cx="98" cy="54" rx="36" ry="7" fill="#d9cbb6"/><ellipse cx="98" cy="55" rx="31" ry="5" fill="#6b4630"/>
    <g fill="#8c7560"><circle cx="74" cy="72" r="1.5"/><circle cx="88" cy="80" r="1.2"/><circle cx="104" cy="70" r="1.5"/><circle cx="119" cy="84" r="1.3"/><circle cx="80" cy="91" r="1.1"/><circle cx="111" cy="93" r="1.5"/><circle cx="95" cy="89" r=".9"/><circle cx="126" cy="71" r="1.1"/></g>`],
  "wool-throw": ["moss", `${table}${shadow(100, 133, 64)}
    <rect x="38" y="98" width="124" height="34" rx="12" fill="#7c8a6b"/><rect x="42" y="70" width="116" height="34" rx="12" fill="#8f9c7c"/>
    <rect x="46" y="44" width="108" height="32" rx="12" fill="#a3ae90"/>
    <g fill="none" stroke="#fff" stroke-width="2" opacity=".38" stroke-linejoin="round"><path d="m54 66 8-12 8 12 8-12 8 12 8-12 8 12 8-12 8 12 8-12 8 12 8-12"/><path d="m50 94 8-12 8 12 8-12 8 12 8-12 8 12 8-12 8 12 8-12 8 12 8-12 4 6"/><path d="m46 122 8-12 8 12 8-12 8 12 8-12 8 12 8-12 8 12 8-12 8 12 8-12 8 12 4-6"/></g>
    <g stroke="#67745a" stroke-width="2.5" stroke-linecap="round"><path d="M146 104v12M138 104v14M130 104v12M122 104v15M114 104v12"/></g>`],
  "desk-lamp": ["dusk", `${table}<path d="M66 66 22 126h86z" fill="#ffe9a8" opacity=".5"/>${shadow(130, 131, 32)}
    <path d="M106 126h48c0-9-10-12-24-12s-24 3-24 12z" fill="#2f4a4a"/>
    <path d="M130 115 150 66 92 42" fill="none" stroke="#c79a4b" stroke-width="6" stroke-linejoin="round" stroke-linecap="round"/>
    <circle cx="150" cy="66" r="6" fill="#a97f35"/><circle cx="92" cy="42" r="5" fill="#a97f35"/>
    <path d="m92 34 12 18-34 24-28-10c2-22 22-38 50-32z" fill="#3c6262"/><path d="M42 66c10-6 22-2 28 10-10 4-24 0-28-10z" fill="#ffeeb8"/>`],
  "pocket-notebook": ["rose", `${table}${shadow(102, 137, 50)}
    <g transform="rotate(-9 100 84)"><rect x="64" y="28" width="76" height="106" rx="5" fill="#f8f1e4"/><rect x="60" y="26" width="76" height="106" rx="5" fill="#a8483a"/>
    <path d="M60 31a5 5 0 0 1 5-5h7v106h-7a5 5 0 0 1-5-5z" fill="#000" opacity=".16"/><path d="M122 26v106" stroke="#3b2a26" stroke-width="4"/>
    <rect x="80" y="48" width="32" height="20" rx="2" fill="#f8f1e4"/><path d="M86 55h20M86 61h12" stroke="#a8483a" stroke-width="2" stroke-linecap="round"/></g>`],
  "bud-vase": ["sky", `${table}${shadow(102, 131, 28)}
    <g transform="translate(8 10.6) scale(.92)"><path d="M101 74C98 48 112 34 106 10M104 44c10-3 14-12 13-18M103 56c-10-4-14-10-14-18" fill="none" stroke="#5f6b45" stroke-width="3" stroke-linecap="round"/>
    <g fill="#7f8f5c"><path d="M117 26c10-6 10-14 8-18-8 2-12 10-8 18zM89 38c-10-4-12-12-10-17 8 1 13 9 10 17zM106 12c-4-6-2-12 2-14 5 4 4 11-2 14zM106 32c-9 0-13-6-13-10 7-2 13 3 13 10z"/></g>
    <path d="M94 66h14v16c0 8 20 16 20 32 0 12-8 18-16 18H90c-8 0-16-6-16-18 0-16 20-24 20-32z" fill="#dfe6e4"/>
    <path d="M108 66v16c0 8 20 16 20 32 0 12-8 18-16 18h-8c10-6 12-14 8-24-4-9-12-12-12-22V66z" fill="#000" opacity=".09"/>
    <path d="M75 108c14 5 38 5 52 0 2 10 0 24-15 24H90c-15 0-17-14-15-24z" fill="#4f7488"/><ellipse cx="101" cy="66" rx="7" ry="2.5" fill="#a9b7b4"/></g>`],
  "pillar-candle": ["dusk", `${table}<circle cx="100" cy="40" r="32" fill="#ffd98a" opacity=".3"/><circle cx="100" cy="40" r="19" fill="#ffe7ae" opacity=".5"/>${shadow(100, 132, 40)}
    <rect x="72" y="58" width="56" height="74" rx="5" fill="#e0a63d"/><rect x="110" y="58" width="18" height="74" rx="5" fill="#000" opacity=".1"/><ellipse cx="100" cy="59" rx="28" ry="6" fill="#f3c669"/>
    <g fill="none" stroke="#b97f20" stroke-width="1.6" opacity=".6" stroke-linejoin="round"><path d="m72 80 7-4 7 4 7-4 7 4 7-4 7 4 7-4 7 4M72 88v-8M86 88v-8M100 88v-8M114 88v-8M128 88v-8M72 88l7 4 7-4 7 4 7-4 7 4 7-4 7 4 7-4M79 100v-8M93 100v-8M107 100v-8M121 100v-8M72 104l7-4 7 4 7-4 7 4 7-4 7 4 7-4 7 4M72 112v-8M86 112v-8M100 112v-8M114 112v-8M72 112l7 4 7-4 7 4 7-4 7 4 7-4 7 4 7-4"/></g>
    <path d="M100 58V48" stroke="#4a3524" stroke-width="2.5" stroke-linecap="round"/><path d="M100 18c9 12 11 18 9 24-2 8-16 8-18 0-2-6 2-12 9-24z" fill="#f7a531"/><path d="M100 31c4 6 5 9 4 12-1 4-7 4-8 0-1-3 1-7 4-12z" fill="#fff3c9"/>`],
  "linen-cushion": ["sand", `${table}${shadow(100, 134, 58)}
    <path d="M44 36c18 6 94 6 112 0 5 18 5 74 0 94-20-5-92-5-112 0-5-20-5-76 0-94z" fill="#ead9bd"/>
    <g fill="#c98a2d"><path d="M56 39.500c6 .8 8 .9 12 1.1 1 26 1 58 0 86-4 .3-8 .5-12 1zM86 41.200c8 .3 8 .3 14 .300v85.200c-6 0-10 0-14 .100zM118 41.200c5-.2 9-.5 14-.9 1 30 1 60 0 87.2-5-.4-9-.7-14-.900z" opacity=".85"/></g>
    <path d="M156 36c5 18 5 74 0 94-5-1-9-1.5-14-2 4-30 4-60 0-90 5-.5 9-1 14-2z" fill="#000" opacity=".07"/>
    <path d="M44 36c-3-2-6-2-8-1 0 4 3 5 8 1zM156 36c3-2 6-2 8-1 0 4-3 5-8 1zM44 130c-3 2-6 2-8 1 0-4 3-5 8-1zM156 130c3 2 6 2 8 1 0-4-3-5-8-1z" fill="#b5761c"/>`],
  "card-set": ["sky", `${table}${shadow(100, 136, 60)}
    <g transform="rotate(-13 80 92)"><rect x="34" y="54" width="96" height="68" rx="3" fill="#cbb79c"/><path d="m34 56 48 36 48-36" fill="none" stroke="#a48d6c" stroke-width="2.5"/></g>
    <g transform="rotate(5 116 82)"><rect x="80" y="34" width="74" height="98" rx="3" fill="#fbf6ec"/><g fill="none" stroke="#34586b" stroke-width="2.5" stroke-linecap="round"><path d="M117 106V68M117 92c-14 0-18-8-18-14 12 0 18 5 18 14zM117 84c14 0 18-8 18-14-12 0-18 5-18 14z"/></g><circle cx="117" cy="58" r="9" fill="#c4553c"/><circle cx="117" cy="58" r="3.5" fill="#fbf6ec"/><path d="M100 118h34" stroke="#34586b" stroke-width="2" stroke-linecap="round"/></g>`],
  teapot: ["rose", `${table}${shadow(98, 132, 48)}
    <path d="M140 74c20-8 26 30-8 36" fill="none" stroke="#3f6d6d" stroke-width="9" stroke-linecap="round"/>
    <path d="M60 96C40 94 42 68 26 62l10-6c18 4 16 22 30 26z" fill="#3f6d6d"/>
    <path d="M56 92c0-24 18-38 42-38s42 14 42 38-16 40-42 40-42-16-42-40z" fill="#4f8585"/><path d="M120 60c12 6 20 16 20 32 0 24-16 40-42 40h-4c30-8 38-40 26-72z" fill="#000" opacity=".1"/>
    <path d="M72 60c4-12 48-12 52 0-12 5-40 5-52 0z" fill="#3f6d6d"/><circle cx="98" cy="46" r="6" fill="#c79a4b"/>
    <path d="M66 84c3-10 9-15 16-18" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" opacity=".45"/>`],
  "tea-towel": ["moss", `<path d="M24 28h152" stroke="#8b6b46" stroke-width="6" stroke-linecap="round"/><path d="M66 24h68v106H66z" fill="#f6efe3"/><path d="M66 24h68v9H66z" fill="#000" opacity=".08"/>
    <g stroke="#3b5f7d"><path d="M66 102h68" stroke-width="6"/><path d="M66 112h68M66 93h68" stroke-width="2.5"/></g><path d="M80 24v106M120 24v106" stroke="#3b5f7d" stroke-width="1.5" opacity=".35"/>
    <path d="M118 33h16v97h-10c4-30 2-70-6-97z" fill="#000" opacity=".06"/><path d="M66 130h68" stroke="#d8cbb5" stroke-width="4" stroke-dasharray="2 2"/>`],
  "paper-lantern": ["dusk", `<path d="M100 0v28" stroke="#4a4038" stroke-width="2.5"/><circle cx="100" cy="80" r="70" fill="#ffe2a0" opacity=".22"/><circle cx="100" cy="80" r="50" fill="#fdf1d3"/>
    <g fill="none" stroke="#dcbf85" stroke-width="1.8"><ellipse cx="100" cy="80" rx="18" ry="50"/><ellipse cx="100" cy="80" rx="36" ry="50"/><path d="M100 30v100M56 56c24 8 64 8 88 0M50 80c28 9 72 9 100 0M56 104c24 8 64 8 88 0"/></g>
    <path d="M86 28h28v6H86zM86 126h28v6H86z" fill="#6b4630"/><path d="M100 132v16" stroke="#a4472b" stroke-width="3" stroke-linecap="round"/>`],
  "desk-calendar": ["sand", `${table}${shadow(100, 134, 56)}<path d="M44 122h112l6 12H38z" fill="#9a6f42"/><rect x="54" y="36" width="92" height="88" rx="4" fill="#fffaf0"/><path d="M54 40a4 4 0 0 1 4-4h84a4 4 0 0 1 4 4v18H54z" fill="#a4472b"/>
    <g stroke="#5b4636" stroke-width="3" stroke-linecap="round"><path d="M74 30v12M126 30v12"/></g><g fill="#c9bba6"><circle cx="70" cy="74" r="4"/><circle cx="85" cy="74" r="4"/><circle cx="100" cy="74" r="4"/><circle cx="115" cy="74" r="4"/><circle cx="130" cy="74" r="4"/><circle cx="70" cy="91" r="4"/><circle cx="85" cy="91" r="4"/><circle cx="115" cy="91" r="4"/><circle cx="130" cy="91" r="4"/><circle cx="70" cy="108" r="4"/><circle cx="85" cy="108" r="4"/><circle cx="100" cy="108" r="4"/></g><circle cx="100" cy="91" r="7" fill="#a4472b"/>`],
  "breakfast-bowl": ["sky", `${table}${shadow(100, 133, 44)}<g fill="#3f4f8c"><circle cx="76" cy="70" r="9"/><circle cx="126" cy="68" r="9"/></g><g fill="#b3303f"><circle cx="92" cy="66" r="10"/><circle cx="111" cy="70" r="9"/></g><path d="M40 72h120c0 34-24 54-46 58H86c-22-4-46-24-46-58z" fill="#f1ece2"/><path d="M40 72h120c0 5-.5 10-1.5 14h-117c-1-4-1.5-9-1.5-14z" fill="#6d87a0"/><path d="M160 72c0 34-24 54-46 58h-10c22-10 34-30 36-58z" fill="#000" opacity=".07"/><path d="M84 130h32v4H84z" fill="#d3cabb"/>`],
  "brass-pen": ["moss", `${table}<path d="M30 96h110v40H30z" fill="#fbf6ec" transform="rotate(-6 85 116)"/><path d="M42 118c14-10 18 8 30-2s16 8 30-3" fill="none" stroke="#34586b" stroke-width="2.5" stroke-linecap="round" transform="rotate(-6 85 116)"/>
    <g transform="rotate(-38 112 78)"><path d="M56 70h96a8 8 0 0 1 0 16H56z" fill="#c79a4b"/><path d="M56 79h104a8 8 0 0 1-8 7H56z" fill="#000" opacity=".14"/><path d="M56 70v16l-22-6v-4z" fill="#e3c27f"/><path d="M34 76v4l-8-2z" fill="#3b2a26"/><path d="M118 68h6v20h-6z" fill="#a97f35"/><path d="M124 66h32" stroke="#8a6523" stroke-width="4" stroke-linecap="round"/></g>`],
};

const parcel = ["sand", `${table}${shadow(100, 132, 46)}<path d="M54 58h92v74H54z" fill="#c79b6a"/><path d="M54 58h92l-10-16H64z" fill="#b2854f"/><path d="M94 42h12v90H94z" fill="#a4472b"/>`];

/** The drawing of a product, as an element; a parcel for what has not been drawn. */
export function picture(id) {
  const [cloth, shapes] = drawings[id] ?? parcel;
  const holder = document.createElement("div");
  holder.className = `picture ${cloth}`;
  holder.innerHTML = `<svg viewBox="0 0 200 160" preserveAspectRatio="xMidYMax meet" aria-hidden="true">${shapes}</svg>`;
  return holder;
}
