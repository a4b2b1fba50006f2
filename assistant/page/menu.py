"""The dialog of what can be done with a conversation: take it along, print it, keep it here."""

from __future__ import annotations

from assistant.page import icons
from assistant.page.export import FORMS
from assistant.page.markup import words


def render_menu() -> str:
    """The dialog, closed. The script fills the list of what is kept from ``template`` rows."""
    forms = "".join(
        f'<button type="button" class="button" data-take="{form}">{words(f"menu.take_{form}")}'
        "</button>"
        for form in FORMS
    )
    return (
        '<dialog id="menu" aria-labelledby="menu-title"><div class="panel-bar">'
        f'<h2 id="menu-title">{words("menu.heading")}</h2>'
        f'<button type="button" class="icon-button" id="menu-close" '
        f'aria-label="{words("menu.close")}" title="{words("menu.close")}">{icons.CROSS}</button>'
        f'</div><div class="menu-body"><h3>{words("menu.take")}</h3>'
        f'<p id="menu-lead" data-nothing="{words("menu.nothing")}">{words("menu.take_lead")}</p>'
        f'<div class="forms">{forms}'
        f'<button type="button" class="button" id="menu-print">{words("menu.print")}</button></div>'
        f"<h3>{words('menu.keep')}</h3>"
        f'<label class="choice"><input type="checkbox" role="switch" id="keep" '
        f'aria-describedby="keep-lead"><span>{words("menu.keep_switch")}</span></label>'
        f'<p class="note" id="keep-lead">{words("menu.keep_lead")}</p>'
        f'<div id="kept" hidden data-failed="{words("menu.kept_failed")}" '
        f'data-deleted="{words("menu.kept_deleted")}" data-note="{words("menu.kept_note")}">'
        f'<p class="none">{words("menu.kept_none")}</p><ul></ul>'
        f'<button type="button" class="button" id="kept-all">{words("menu.kept_all")}'
        "</button></div>"
        f'<p id="menu-said" role="status" data-saved="{words("export.saved")}"></p></div>'
        '<template id="kept-row"><li><button type="button" class="kept-open"><b></b><small></small>'
        '</button><button type="button" class="icon-button kept-delete" '
        f'aria-label="{words("menu.kept_delete")}" title="{words("menu.kept_delete")}">'
        f"{icons.CROSS}</button></li></template></dialog>"
    )
