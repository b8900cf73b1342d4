"""The addresses of keys; included at the site's root."""

from django.urls import include, path

from keys.views import (
    acts,
    bulk,
    detail,
    endpoints,
    expiries,
    export,
    importing,
    key_sets,
    lists,
    making,
    policies,
    public_keys,
    rotation,
    runs,
    switching,
)

app_name = "keys"

of_one = [
    path("", detail.detail, name="detail"),
    path("secret/<slug:handover>/", making.secret, name="secret"),
    path("enter/", importing.enter, name="enter"),
    path("rotate/", rotation.rotate, name="rotate"),
    path("rotate/extend/", rotation.extend, name="extend"),
    path("rotate/retire/", rotation.retire, name="retire"),
    path("rotate/discard/", rotation.discard, name="discard"),
    path("rotations/<slug:rotation>/", rotation.rotation, name="rotation"),
    path("test/", runs.test, name="test"),
    path("tests/<int:test>/", runs.test_run, name="test_run"),
    path("tests/<int:test>/cancel/", runs.cancel_test, name="cancel_test"),
    path("edit/", acts.edit, name="edit"),
    path("expiry/", acts.expiry, name="expiry"),
    path("move/", acts.move, name="move"),
    path("disable/", acts.disable, name="disable"),
    path("enable/", acts.enable, name="enable"),
    path("secrets/<slug:secret>/revoke/", acts.revoke, name="revoke"),
    path("secrets/<slug:secret>/leak/", rotation.leak, name="leak"),
    path("public-keys/add/", public_keys.add, name="add_public_key"),
    path("public-keys/<slug:public_key>/expiry/", public_keys.expiry, name="public_key_expiry"),
    path("public-keys/<slug:public_key>/remove/", public_keys.remove, name="remove_public_key"),
    path("key-set/", key_sets.key_set, name="key_set"),
    path("key-set/change/", key_sets.change, name="change_key_set"),
    path("key-set/fetch/", key_sets.fetch, name="fetch_key_set"),
    path("key-set/remove/", key_sets.remove, name="remove_key_set"),
    path("switch/", switching.switch, name="switch"),
    path("switch/end/", switching.end, name="switch_end"),
    path("delete/", acts.delete, name="delete"),
]

urlpatterns = [
    path("o/<slug:org>/keys/", lists.everywhere, name="everywhere"),
    path("o/<slug:org>/expiries/", expiries.expiries, name="expiries"),
    path("o/<slug:org>/settings/<slug:place>/", policies.policy, name="policy"),
    path("o/<slug:org>/keys/csv/", export.everywhere, name="export"),
    path("o/<slug:org>/bulk/new/", bulk.new, name="bulk_new"),
    path("o/<slug:org>/bulk/<slug:batch>/", bulk.batch, name="batch"),
    path("o/<slug:org>/bulk/<slug:batch>/cancel/", bulk.cancel, name="batch_cancel"),
    path("o/<slug:org>/bulk/<slug:batch>/retry/", bulk.retry, name="batch_retry"),
    path("o/<slug:org>/bulk/<slug:batch>/go-on/", bulk.go_on, name="batch_go_on"),
    path("o/<slug:org>/e/<slug:env>/csv/", export.environment, name="export_environment"),
    path("o/<slug:org>/e/<slug:env>/", lists.environment, name="environment"),
    path("o/<slug:org>/e/<slug:env>/keys/new/", making.create, name="create"),
    path("o/<slug:org>/e/<slug:env>/keys/plug-in/", importing.plug_in, name="plug_in"),
    path("o/<slug:org>/e/<slug:env>/endpoints/", endpoints.overview, name="endpoints"),
    path("o/<slug:org>/e/<slug:env>/endpoints/add/", endpoints.add, name="add_endpoint"),
    path(
        "o/<slug:org>/e/<slug:env>/endpoints/<slug:endpoint>/change/",
        endpoints.change,
        name="change_endpoint",
    ),
    path(
        "o/<slug:org>/e/<slug:env>/endpoints/<slug:endpoint>/end/",
        endpoints.end,
        name="end_endpoint",
    ),
    path("o/<slug:org>/e/<slug:env>/keys/<slug:client_id>/", include(of_one)),
]
