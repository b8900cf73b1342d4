"""Pages, forms and people's verbs reach rows only through a scope: read from the source, so that nothing is forgotten.

A query starts with `.within(scope)`, `.visible_to(user)` or `.create(`, or from an object that a scope has led to
(`scope.organization.teams`, `key.secrets`), which needs no manager. A new file is covered by itself.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.allowed_queries import ALLOWED

ROOT = Path(__file__).parents[1]
FLOORS = ("dashboard", "environments", "keys")
PERSON = frozenset({"user", "scope.actor", "request.user"})
HIDDEN_MANAGERS = frozenset({"_default_manager", "_base_manager"})
BACK_DOORS = frozenset({"raw", "extra", "cursor", "get_model"})
SHORTCUTS = frozenset({"get_object_or_404", "get_list_or_404"})

# Not pages, forms or verbs of people: here nobody stands in a place, or the place is being made.
ELSEWHERE: Mapping[str, str] = {
    "keys/models": "where the querysets say whose rows they are",
    "keys/upkeep": "the machine's verbs work across all tenants",
    "keys/issuer": "the token service knows clients, not people; it may not import the ORM's scopes",
    "keys/resting.py": "moves boxes of all tenants, for commands of whoever runs the installation",
    "environments/models": "where the querysets say whose rows they are",
    "environments/access.py": "makes the scopes",
    "environments/upkeep": "the machine's verbs work across all tenants",
    "environments/audit.py": "keeps the chain, and gives it out by `audit.within(scope)`",
    "environments/stored.py": "reads whole chains in order to check them",
    "environments/exporting.py": "the organization is an argument; the pages that give it out ask who may",
    "environments/inquiry.py": "the organization is an argument, which a scope or a worker's row names",
    "environments/verifying.py": "checks every chain; it gives out numbers of entries alone",
    "environments/management": "commands of whoever runs the installation",
    "environments/append_only.py": "asks the database for its triggers",
    "dashboard/health.py": "asks the database whether it is there",
    "dashboard/heartbeat.py": "signals of processes belong to no tenant",
    "dashboard/management": "commands of whoever runs the installation",
}


def findings(source: str) -> Iterator[tuple[str, str]]:
    """(function, query) for each query that does not say whose rows it wants."""
    tree = ast.parse(source)
    starts = {id(_manager_of(node)) for node in ast.walk(tree)} - {id(None)}
    yield from _walk(tree, [], starts)


def _walk(node: ast.AST, inside: list[str], starts: set[int]) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        inside = [*inside, node.name]
    found = _judge_call(node) if isinstance(node, ast.Call) else _judge(node, starts)
    if found is not None:
        yield ".".join(inside), found
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, inside, starts)


def _judge(node: ast.AST, starts: set[int]) -> str | None:
    if isinstance(node, ast.ClassDef):
        bases = [ast.unparse(base).partition("[")[0] for base in node.bases]
        return next((base for base in bases if base.endswith("ModelForm")), None)
    if isinstance(node, ast.Attribute) and node.attr in HIDDEN_MANAGERS:
        return ast.unparse(node)
    if _is_manager(node) and id(node) not in starts:
        return ast.unparse(node)  # passed on, to start a query somewhere else
    return None


def _judge_call(node: ast.Call) -> str | None:
    called = node.func
    name = ast.unparse(called).rpartition(".")[2]
    if _manager_of(node) is not None:
        return None if _good_start(name, node) else ast.unparse(called)
    if name in BACK_DOORS:
        return ast.unparse(called)
    if name in SHORTCUTS and _names_a_class(node.args[0]):
        return f"{name}({ast.unparse(node.args[0])})"
    return ast.unparse(node) if name == "getattr" and _asks_for_manager(node) else None


def _manager_of(node: ast.AST) -> ast.expr | None:
    """`Key.objects` of the call `Key.objects.within(scope)`."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None
    return node.func.value if _is_manager(node.func.value) else None


def _good_start(start: str, call: ast.Call) -> bool:
    given = [ast.unparse(each) for each in call.args]
    if start == "within":
        return given == ["scope"]
    if start == "visible_to":
        return len(given) == 1 and given[0] in PERSON
    if start == "filter":
        # A subquery about each row of the outer query, which has said whose rows it wants.
        return any(ast.unparse(each.value) == "OuterRef('pk')" for each in call.keywords)
    return start in {"create", "bulk_create"}


def _is_manager(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "objects"


def _names_a_class(node: ast.AST) -> bool:
    return ast.unparse(node).rpartition(".")[2][:1].isupper()


def _asks_for_manager(node: ast.Call) -> bool:
    names = {each.value for each in node.args if isinstance(each, ast.Constant)}
    return bool(names & {"objects", *HIDDEN_MANAGERS})


def everything() -> Iterator[tuple[str, str, str]]:
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            file = path.relative_to(ROOT).as_posix()
            if "/migrations/" in file:
                continue
            for function, query in findings(path.read_text()):
                yield file, function, query


def elsewhere(file: str) -> str | None:
    return next((place for place in ELSEWHERE if file.startswith(place)), None)


def test_every_query_of_a_page_a_form_or_a_verb_says_whose_rows_it_wants():
    strays = {found for found in everything() if elsewhere(found[0]) is None} - ALLOWED.keys()
    assert not strays, (
        "start with .within(scope), .visible_to(user) or .create(, or from an object of the scope"
    )


def test_no_exception_outlives_its_reason():
    found = set(everything())
    assert not ALLOWED.keys() - found, "these lines are gone: strike them from the list"
    assert not ELSEWHERE.keys() - {elsewhere(file) for file, _, _ in found}, "nothing to except"
    assert all(ALLOWED.values())


@pytest.mark.parametrize(
    "line",
    [
        "Key.objects.all()",
        "Key.objects.get(pk=number)",
        "Key.objects.filter(environment=scope.environment)",
        "Key.objects.existing().within(scope)",
        "Key.objects.within(None)",
        "Key.objects.within(other)",
        "Key.objects.within()",
        "Key.objects.visible_to(somebody_else)",
        "Key.objects.get_or_create(name='a')",
        "Key.objects.filter(pk__in=OuterRef('key'))",
        "models.Key.objects.exists()",
        "keys = Key.objects",
        "read(Key.objects)",
        "find = Key.objects.filter",
        "Key._default_manager.all()",
        "getattr(Key, 'objects').all()",
        "apps.get_model('keys', 'Key')",
        "get_object_or_404(Key, client_id=client_id)",
        "get_object_or_404(models.Key, client_id=client_id)",
        "connection.cursor()",
        "key.secrets.raw('SELECT 1')",
        "Prefetch('secrets', Secret.objects.order_by('pk'))",
        "forms.ModelChoiceField(queryset=Key.objects.all())",
        "[key for key in Key.objects.all()]",
        "lambda: Key.objects.all()",
    ],
)
def test_a_query_for_anybodys_rows_is_refused(line):
    assert list(findings(f"class Page:\n  def view(request, scope):\n    {line}\n")) != []


def test_a_form_over_all_rows_is_refused():
    source = "class KeyForm(forms.ModelForm):\n  pass\n"
    assert list(findings(source)) == [("KeyForm", "forms.ModelForm")]


def test_a_stray_query_is_named_with_its_place():
    source = "def view(request, scope):\n  return Key.objects.select_related('team').get(pk=1)\n"
    assert list(findings(source)) == [("view", "Key.objects.select_related")]


@pytest.mark.parametrize(
    "line",
    [
        "Key.objects.within(scope).get(client_id=client_id)",
        "Key.objects.visible_to(scope.actor).existing()",
        "Environment.objects.visible_to(user)",
        "Key.objects.create(environment=scope.environment)",
        "Secret.objects.filter(key=OuterRef('pk'), revoked_at=None)",
        "get_object_or_404(scope.organization.teams, slug=slug)",
        "key.secrets.filter(revoked_at=None)",
        "scope.organization.members.select_related('user')",
    ],
)
def test_a_query_that_says_whose_rows_it_wants_is_let_through(line):
    assert list(findings(f"def view(request, scope):\n  {line}\n")) == []
